"""The shop of one state folder: what `pearshop up` starts, watches and stops."""

import contextlib
import os
import shutil
import signal
import time
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

from pearshop.db.embedded_server import port_is_free
from pearshop.db.engine import make_engine
from pearshop.errors import ConfigurationError
from pearshop.http.media.store import Store
from pearshop.launcher import config
from pearshop.launcher.cluster import Cluster, environment
from pearshop.launcher.database import migrated
from pearshop.launcher.drain import drain
from pearshop.launcher.monitoring import monitors, ray_variables
from pearshop.launcher.processes import describe, stop_leftovers
from pearshop.launcher.progress import Progress
from pearshop.launcher.seed import seed
from pearshop.launcher.servers import Servers
from pearshop.launcher.state import Run, StateFolder
from pearshop.settings import Settings

STAFF_USERNAME = "staff"
WATCH_PERIOD_S = 0.5
RESTARTS = 3
RESTARTS_S = 300.0
"""A cluster that died that often within this time is not started again."""
READY = "PearShop is ready"
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """Ctrl-C, or a signal that asks for the same."""


@dataclass(frozen=True)
class Options:
    """What `pearshop up` was asked for."""

    host: str = "127.0.0.1"
    port: int = 8000
    demo: bool = True
    monitoring: bool = False


class Shop:
    """Everything that one `up` starts. Use `run`; it leaves nothing behind."""

    def __init__(self, folder: StateFolder, options: Options, progress: Progress) -> None:
        self._folder = folder
        self._options = options
        self._progress = progress
        self._settings = Settings()
        self._prometheus, self._grafana = monitors(folder.path, folder.runtime)
        watching = (self._prometheus, self._grafana)
        self._servers = Servers(folder.path, self._settings, watching)
        self._cluster = Cluster(folder.runtime, {})
        self._restarts: list[float] = []
        self._stopping = False

    def run(self) -> None:
        """Start the shop, watch it until a signal comes, and stop it.

        Raises `ConfigurationError` when it cannot start, or when Ray dies again and again.
        """
        for number in SIGNALS:
            signal.signal(number, self._on_signal)
        with contextlib.suppress(StopRequested), self._folder.lock():
            try:
                self._start()
                self._watch()
            finally:
                self._stop()
        self._progress.say("Stopped.")

    def _start(self) -> None:
        began = time.monotonic()
        self._clean()
        self._check_port()
        self._settings = self._with_secrets(self._settings)
        media_url = self._settings.media_url or str(self._folder.path / "media")
        Store(media_url)  # or it is refused now, not by replicas that cannot start
        with self._progress.step("PostgreSQL"):
            self._servers.start_database()
        with self._progress.step("Redis"):
            self._servers.start_redis()
        if self._options.monitoring:
            with self._progress.step("Monitoring"):
                self._servers.start_monitors(self._progress.say)
        self._settings = self._settings.model_copy(
            update={
                "database_url": Settings(database_url=self._servers.database_url).database_url,
                "redis_url": self._servers.redis_url,
                "media_url": media_url,
            }
        )
        self._fill_database()
        if not config.has_haproxy():
            self._progress.say("No HAProxy wheel for this platform: Ray's own proxy serves.")
        self._start_cluster()
        self._write_run()
        self._announce(time.monotonic() - began)

    def _start_cluster(self) -> None:
        variables = environment(self._folder.runtime, self._variables())
        if self._prometheus.is_running():
            self._prometheus.aim(variables.get("RAY_SERVE_HAPROXY_METRICS_PORT"))
        self._cluster = Cluster(self._folder.runtime, variables)
        with self._progress.step("Ray"):
            self._cluster.start()
        with self._progress.step("Ray Serve"):
            description = config.load(self._options.host, self._options.port)
            self._cluster.deploy(description, self._api_url())

    def _restart_cluster(self) -> None:
        """Start a new cluster for one that died; not for one that dies again and again.

        Raises `ConfigurationError`. The dead one's logs are kept beside the new one's.
        """
        logs = self._folder.runtime / "ray"
        now = time.monotonic()
        self._restarts = [each for each in self._restarts if each > now - RESTARTS_S] + [now]
        if len(self._restarts) > RESTARTS:
            raise ConfigurationError(f"Ray dies again and again. Its logs: {logs}")
        self._progress.say("Ray died; starting it again.")
        self._cluster.stop()
        stop_leftovers(self._folder.runtime)
        kept = self._folder.runtime / "ray.died"
        shutil.rmtree(kept, ignore_errors=True)
        logs.rename(kept)
        shutil.rmtree(self._folder.runtime / "h", ignore_errors=True)
        self._start_cluster()

    def _clean(self) -> None:
        runtime = self._folder.make_runtime()
        left = [*stop_leftovers(runtime), *self._servers.stop_leftovers()]
        if left:
            self._progress.say(f"Stopped what an earlier run left behind: {describe(left)}")
        for name in ("ray", "ray.died", "h"):
            shutil.rmtree(runtime / name, ignore_errors=True)
        self._folder.remove_run()

    def _check_port(self) -> None:
        host, port = self._options.host, self._options.port
        try:
            free = port_is_free(host, port)
        except OSError as error:
            raise ConfigurationError(f"Cannot listen on {host}:{port}: {error}") from None
        if not free:
            raise ConfigurationError(
                f"Port {port} of {host} is busy: stop what listens there, or choose another --port."
            )

    def _with_secrets(self, given: Settings) -> Settings:
        secrets = {"signing_key": "signing-key", "staff_password": "staff-password"}
        made = {
            field: type(getattr(given, field))(self._folder.secret(name))
            for field, name in secrets.items()
            if not getattr(given, field)
        }
        return given.model_copy(update=made)

    def _fill_database(self) -> None:
        with self._progress.step("Schema and data"):
            migrated(self._settings.database_url)
            engine = make_engine(self._settings, pool_size=1)
            try:
                password = self._settings.staff_password.get_secret_value()
                seed(engine, self._settings, STAFF_USERNAME, password, demo=self._options.demo)
            finally:
                engine.dispose()

    def _variables(self) -> dict[str, str]:
        return {
            "PEARSHOP_DATABASE_URL": self._servers.database_url,
            "PEARSHOP_REDIS_URL": self._servers.redis_url,
            "PEARSHOP_API_URL": self._api_url(),
            "PEARSHOP_SIGNING_KEY": self._settings.signing_key.get_secret_value(),
            "PEARSHOP_MEDIA_URL": self._settings.media_url,
            **ray_variables(self._prometheus, self._grafana),
        }

    def _api_url(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._options.host, self._options.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self._options.port}"

    def _write_run(self) -> None:
        self._folder.write_run(
            Run(
                api_url=self._api_url(),
                dashboard_url=self._cluster.dashboard_url,
                database_url=self._servers.database_url,
                redis_url=self._servers.redis_url,
                pids={
                    "up": os.getpid(),
                    **self._servers.pids(),
                    **({"ray": self._cluster.pid} if self._cluster.pid else {}),
                },
                staff_username=STAFF_USERNAME,
                replica_urls=self._settings.database_replica_urls,
                monitor_urls={
                    each.name: each.url
                    for each in (self._prometheus, self._grafana)
                    if each.is_running()
                },
            )
        )

    def _announce(self, seconds: float) -> None:
        say = self._progress.say
        say(f"  Shop           {self._api_url()}/")
        say(f"  API            {self._api_url()}")
        say(f"  API's docs     {self._api_url()}/docs")
        say(f"  Ray dashboard  {self._cluster.dashboard_url}")
        for each in (self._prometheus, self._grafana):
            if each.is_running():
                say(f"  {each.name:<14} {each.url}")
        say(f"  Staff admin    {self._api_url()}/admin/")
        say(f"  Staff login    {STAFF_USERNAME}, password {self._shown_password()}")
        say(f"{READY} after {seconds:.0f} s. Ctrl-C stops it.")

    def _shown_password(self) -> str:
        if Settings().staff_password:
            return "as in PEARSHOP_STAFF_PASSWORD"
        return self._settings.staff_password.get_secret_value()

    def _watch(self) -> NoReturn:
        changed = False
        while True:
            time.sleep(WATCH_PERIOD_S)
            changed |= self._servers.restart_dead(self._progress.say)
            if not self._cluster.is_running():
                self._restart_cluster()
                changed = True
            if changed:
                with contextlib.suppress(OSError):  # on a full disk: tried again
                    self._write_run()
                    changed = False

    def _stop(self) -> None:
        self._stopping = True
        if self._cluster.pid or self._servers.pids():
            self._progress.say("Stopping ...")
        drain(self._folder.runtime / "h")
        self._cluster.stop()
        stop_leftovers(self._folder.runtime)
        self._servers.stop()
        self._folder.remove_run()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self._stopping:
            # At once, or a second signal would interrupt the stop that the first one began.
            self._stopping = True
            raise StopRequested
        self._cluster.kill()
        self._servers.hurry()
