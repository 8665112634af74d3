"""What the embedded servers share: a child process, its directory, its log, its port."""

import contextlib
import errno
import importlib.util
import random
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from pearshop.errors import ConfigurationError

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
PORTS = range(20_000, 30_000)
"""Below the ports of outgoing connections, so that a client that calls a dead server cannot take
its port; outside those that Ray and Serve choose from."""


class EmbeddedServer(ABC):
    """A server process of ours. As a context manager it runs for the time of the block.

    It has a session of its own, so that a terminal's Ctrl-C reaches us first.
    """

    name: str

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self.log = self.directory / "server.log"
        self.url = ""
        self._port: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id, `None` when it does not run."""
        return self._process.pid if self._process and self.is_running() else None

    def is_running(self) -> bool:
        """Return whether the server's process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> str:
        """Start the server, wait until it answers, and return its URL.

        A server left there by a killed process is stopped first. Started again, this object keeps
        its port and so its URL. Raises `ConfigurationError` with the end of the log on failure.
        """
        if self.is_running():
            return self.url
        self.directory.mkdir(parents=True, exist_ok=True)
        self.stop_leftover()
        self._prepare()
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._try_port(self._port or free_port(), deadline):
            if time.monotonic() > deadline or not self._may_pass():
                self.stop()
                raise ConfigurationError(
                    f"{self.name} did not start: {self._last_words()} (all of it: {self.log})"
                )
        return self.url

    def stop(self, timeout: float = STOP_TIMEOUT_S) -> None:
        """Stop the server, by force after `timeout` seconds. Safe to repeat."""
        if self._process is not None:
            stop_servers([psutil.Process(self._process.pid)] if self.is_running() else [], timeout)
            self._process.wait()
            self._process = None

    def stop_leftover(self) -> list[int]:
        """Stop a server that a killed process left on this directory; return its process ids."""
        left = [
            process
            for process in psutil.process_iter(["cmdline"])
            if self._marker() in (process.info["cmdline"] or ()) and process.pid != self.pid
        ]
        stop_servers(left, STOP_TIMEOUT_S)
        return [process.pid for process in left]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @abstractmethod
    def _prepare(self) -> None:
        """Make the directory ready for a start."""

    @abstractmethod
    def _command(self, port: int) -> list[str]:
        """Return the command line."""

    @abstractmethod
    def _url(self, port: int) -> str:
        """Return the URL for clients."""

    @abstractmethod
    def _probe(self) -> bool:
        """Return whether the server answers and is fit for use."""

    @abstractmethod
    def _marker(self) -> str:
        """Return the argument that tells this directory's server from any other."""

    def _process_arguments(self) -> dict[str, Any]:
        """Return further arguments of `Popen`."""
        return {}

    def _try_port(self, port: int, deadline: float) -> bool:
        """Start on a port. Return False when the process ended or did not answer in time."""
        self.url = self._url(port)
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
                self._command(port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                **self._process_arguments(),
            )
        while self.is_running() and time.monotonic() < deadline:
            if self._probe():
                self._port = port
                return True
            time.sleep(0.02)
        return False

    def _may_pass(self) -> bool:
        """Return whether the server failed to start for a reason that another try can cure.

        Someone took the port meanwhile, or processes of a killed server are still on their way out.
        """
        time.sleep(0.1)
        words = self._words()
        return "address already in use" in words.lower() or "shared memory block" in words

    def _words(self) -> str:
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def _last_words(self) -> str:
        lines = [line.strip() for line in self._words().splitlines() if line.strip()]
        return " / ".join(lines[-3:]) or "it said nothing"


def free_port(preferred: int | None = None) -> int:
    """Return a port that nothing uses on any address; `preferred` if that is free."""
    candidates = [preferred] if preferred else []
    candidates += random.sample(PORTS, 100)
    for port in candidates:
        if port_is_free("0.0.0.0", port):  # noqa: S104 - looked at, not served
            return port
    raise ConfigurationError(f"No free port between {PORTS.start} and {PORTS.stop}.")


def port_is_free(host: str, port: int) -> bool:
    """Return whether a server could listen there. Raises `OSError` for a host that is not ours."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as probe:
        # As servers do: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def wheel(package: str) -> Path:
    """Return the folder of an installed package without importing it.

    The wheels that carry the servers start machinery of their own when they are imported.
    Raises `ConfigurationError` when the package is not installed.
    """
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise ConfigurationError(
            f"The package {package} is not installed: install it, or set PEARSHOP_DATABASE_URL "
            "and PEARSHOP_REDIS_URL to servers of yours."
        )
    return Path(folders[0])


def stop_servers(processes: Sequence[psutil.Process], timeout: float) -> None:
    """Stop servers and their children: SIGINT, which both finish up for, then by force."""
    family: list[psutil.Process] = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            family += process.children(recursive=True)
    alive = _signal(processes, signal.SIGINT, timeout)
    alive = _signal(alive, signal.SIGQUIT, min(timeout, 5.0))
    _signal([*alive, *family], signal.SIGKILL, 5.0)


def _signal(
    processes: Sequence[psutil.Process], number: signal.Signals, timeout: float
) -> list[psutil.Process]:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
    alive: list[psutil.Process] = psutil.wait_procs(list(processes), timeout)[1]
    return alive
