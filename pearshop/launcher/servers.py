"""The shop's PostgreSQL and Redis: configured ones, or embedded ones."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg2

from pearshop.db.embedded import EmbeddedPostgres, EmbeddedRedis
from pearshop.db.embedded_server import EmbeddedServer
from pearshop.errors import ConfigurationError
from pearshop.launcher.processes import Leftover
from pearshop.settings import Settings

CONNECT_TIMEOUT_S = 5
RESTART_PAUSE_S = 2.0


class Servers:
    """What the shop keeps its data in. Start them in the order of the methods, stop them once.

    `monitors` watch it where wanted; each needs those before it.
    """

    def __init__(
        self, folder: Path, settings: Settings, monitors: Sequence[EmbeddedServer] = ()
    ) -> None:
        self.database_url = settings.database_url
        self.redis_url = settings.redis_url
        self.embedded: dict[str, EmbeddedServer] = {}
        if not settings.database_url:
            self.embedded["postgres"] = EmbeddedPostgres(folder / "postgres")
        if not settings.redis_url:
            self.embedded["redis"] = EmbeddedRedis(folder / "redis")
        self._monitors = {each.name.lower(): each for each in monitors}
        self._last_restart = 0.0

    def stop_leftovers(self) -> list[Leftover]:
        """Stop embedded servers that a killed run left; return them."""
        return [
            Leftover(pid, name)
            for name, server in {**self.embedded, **self._monitors}.items()
            for pid in server.stop_leftover()
        ]

    def start_database(self) -> None:
        """Start PostgreSQL, or see that the configured one answers, else `ConfigurationError`."""
        if "postgres" in self.embedded:
            self.database_url = self.embedded["postgres"].start()
        else:
            check_database(self.database_url)

    def start_redis(self) -> None:
        """Start Redis. A configured one that is away is no hindrance: it holds but caches."""
        if "redis" in self.embedded:
            self.redis_url = self.embedded["redis"].start()

    def start_monitors(self, say: Callable[[str], None]) -> None:
        """Start those that are installed; `say` how to get what is not. The shop needs none."""
        for name, server in self._monitors.items():
            try:
                server.start()
            except ConfigurationError as error:
                say(f"{error} The shop starts without it.")
                return
            self.embedded[name] = server

    def pids(self) -> dict[str, int]:
        """Return the process ids of the embedded servers."""
        return {name: server.pid for name, server in self.embedded.items() if server.pid}

    def restart_dead(self, say: Callable[[str], None]) -> bool:
        """Restart what died, on its old port. Return whether something was restarted."""
        dead = [server for server in self.embedded.values() if not server.is_running()]
        if not dead or time.monotonic() - self._last_restart < RESTART_PAUSE_S:
            return False
        for server in dead:
            say(f"{server.name} died; starting it again.")
            try:
                server.start()
            except (ConfigurationError, OSError) as error:
                say(f"{error} Trying again.")
        self._last_restart = time.monotonic()
        return True

    def stop(self) -> None:
        """Stop the embedded servers and whatever is left of them. Safe to repeat."""
        for server in reversed(self.embedded.values()):
            server.stop()
            server.stop_leftover()

    def hurry(self) -> None:
        """Make a `stop` that is under way end soon; PostgreSQL recovers at its next start."""
        for pid in self.pids().values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)


def check_database(url: str) -> None:
    """Raise `ConfigurationError` when there is no answer; its text holds no password."""
    plain = url.replace("postgresql+psycopg2://", "postgresql://", 1)
    try:
        psycopg2.connect(plain, connect_timeout=CONNECT_TIMEOUT_S).close()
    except psycopg2.Error as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(
            f"The database of PEARSHOP_DATABASE_URL does not answer: {reason}"
        ) from None


@contextlib.contextmanager
def running(servers: Servers) -> Iterator[Servers]:
    """Stop the servers at the end of the block, whatever happened in it."""
    try:
        yield servers
    finally:
        servers.stop()
