"""The local Ray cluster with Serve on it."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil

from pearshop.db.embedded_server import free_port
from pearshop.errors import ConfigurationError, Unavailable
from pearshop.launcher.config import has_haproxy
from pearshop.launcher.dashboard import Dashboard
from pearshop.launcher.processes import kill, session_members, wait_gone

DASHBOARD_PORT = 8265
OBJECT_STORE_BYTES = 128 * 1024 * 1024
"""Carts and orders travel in messages; the object store is hardly used."""
DROPPED = {
    "RAY_ADDRESS",  # another cluster's
    "PYTHONDONTWRITEBYTECODE",  # twenty processes that each compile Ray anew take a minute
}
START_TIMEOUT_S = 90.0
DEPLOY_TIMEOUT_S = 180.0
DEPLOY_ATTEMPTS = 3
DEPLOY_PAUSE_S = 0.5
STOP_TIMEOUT_S = 6.0


def environment(runtime: Path, settings: dict[str, str]) -> dict[str, str]:
    """Return the environment of the cluster and all its workers: ours, `settings`, Serve's."""
    inherited = {name: value for name, value in os.environ.items() if name not in DROPPED}
    # Ray runs its workers at nice 15: beside PostgreSQL on the same cores they would starve.
    inherited.setdefault("RAY_worker_niceness", "0")
    # Ray would run each worker through `uv run`, in a copy of the folder that `up` was called in.
    inherited["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"
    # Everything listens on loopback. Ray would ask for a token as soon as the user has one, from
    # another cluster; nothing here sends it.
    inherited["RAY_AUTH_MODE"] = "disabled"
    # Events of each actor call, for the dashboard's list of tasks: they grow GCS by 10 MB a minute.
    inherited.setdefault("RAY_task_events_report_interval_ms", "0")
    # An acknowledged command is durable, and nobody else serves while one machine drains.
    inherited.setdefault("RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S", "0")
    # A node that is gone is noticed after 2.5 s, one that hangs after 15 s; not after 15 and 60.
    inherited.setdefault("RAY_health_check_period_ms", "500")
    inherited.setdefault("RAY_health_check_timeout_ms", "3000")
    inherited.setdefault("RAY_health_check_failure_threshold", "5")
    # The same on every machine otherwise: Prometheus would read another shop's.
    inherited.setdefault("DASHBOARD_METRIC_PORT", str(free_port()))
    # Serve's HTTP servers would take a client's word for its address; `http/addresses.py` does not.
    inherited.setdefault("FORWARDED_ALLOW_IPS", "")
    if has_haproxy():
        inherited = {**_haproxy(runtime), **inherited}
    return {**inherited, **settings}


def _haproxy(runtime: Path) -> dict[str, str]:
    """Return what turns HAProxy on. Its sockets' paths have 97 bytes, of which Ray takes 57."""
    folder = runtime / "h"
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        # Which would keep a thousand lines to itself; requests write none, so none are too many.
        "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1",
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "admin"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "metrics"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "state"),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
        # Serve's own proxies, for while no replica is there: the same on every machine otherwise.
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(free_port()),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(free_port()),
        "RAY_SERVE_HAPROXY_NBTHREAD": "2",
        "RAY_SERVE_HAPROXY_BINARY_PATH": str(Path(sys.executable).parent / "pearshop-haproxy"),
        # An answer comes within the request's deadline; who is silent longer is gone.
        "RAY_SERVE_HAPROXY_TIMEOUT_SERVER_S": "6",
        "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": "30",
        "RAY_SERVE_HAPROXY_TIMEOUT_CONNECT_S": "1",
        "RAY_SERVE_HAPROXY_HEALTH_CHECK_INTER": "1s",
        "RAY_SERVE_HAPROXY_HEALTH_CHECK_FALL": "3",
        "RAY_SERVE_HAPROXY_HEALTH_CHECK_RISE": "1",
        # A repeat is safe where `pearshop.launcher.haproxy` allows one.
        "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
        # Thrice unhealthy is dead: within two seconds, not thirty.
        "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "0.5",
        # An idle controller that looks ten times a second takes 5 % of a core, one that looks
        # twice 2 %; HAProxy notices dead replicas itself.
        "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
        "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "1000",
        # One line parsed in Python for each request: a tenth of a request's cost.
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    }


class Cluster:
    """A Ray head in a session of its own, its processes' ports and files private to one shop."""

    def __init__(self, runtime: Path, variables: dict[str, str]) -> None:
        self._runtime = runtime
        self._environment = variables
        self.log = runtime / "ray.log"
        self.dashboard_url = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id of `ray start`, which is also the cluster's session."""
        return self._process.pid if self._process else None

    def is_running(self) -> bool:
        """Return whether the head lives; it ends when any of its main processes does."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the head and wait for its dashboard. Raises `ConfigurationError`.

        Two clusters that start at once may both find the usual port free; the one that comes
        second must not take the other's dashboard for its own.
        """
        for port in (free_port(DASHBOARD_PORT), free_port()):
            self._launch(port)
            if self._has_own_dashboard():
                return
            self.stop()
        raise ConfigurationError(f"Another Ray cluster took port {port}: run the command again.")

    def _launch(self, port: int) -> None:
        self.dashboard_url = f"http://127.0.0.1:{port}"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - Ray's own command, no shell
                self._command(port),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _has_own_dashboard(self) -> bool:
        """Wait for a dashboard; return whether it belongs to this head."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while (session := Dashboard(self.dashboard_url).session()) is None:
            if not self.is_running() or time.monotonic() > deadline:
                raise ConfigurationError(f"Ray did not start: {self._last_words()}")
            time.sleep(0.1)
        return (self._runtime / "ray" / session).is_dir()

    def deploy(self, config: dict[str, Any], api_url: str) -> None:
        """Deploy the applications and wait until they run and the API answers.

        Raises `ConfigurationError` with the deployments' own words when it fails.
        """
        dashboard = Dashboard(self.dashboard_url)
        deadline = time.monotonic() + DEPLOY_TIMEOUT_S
        self._hand_over(dashboard, config)
        names = [each["name"] for each in config["applications"]]
        while not (_are_running(dashboard, names) and _answers(f"{api_url}/api/product/")):
            if not self.is_running():
                raise ConfigurationError(f"Ray ended: {self._last_words()}")
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"The shop did not answer within {DEPLOY_TIMEOUT_S:.0f} s; "
                    f"Ray's logs are in {self._runtime / 'ray'}."
                )
            time.sleep(0.1)

    def _hand_over(self, dashboard: Dashboard, config: dict[str, Any]) -> None:
        """Give Serve its configuration, again if Serve fails over it."""
        for attempt in range(1, DEPLOY_ATTEMPTS + 1):
            try:
                dashboard.deploy(config, DEPLOY_TIMEOUT_S)
                return
            except Unavailable as error:
                if attempt == DEPLOY_ATTEMPTS or not self.is_running():
                    raise ConfigurationError(
                        f"{error.detail} Ray's logs are in {self._runtime / 'ray'}."
                    ) from None
                time.sleep(DEPLOY_PAUSE_S)

    def stop(self) -> None:
        """Stop the head and every process of its session. Safe to repeat."""
        if self._process is None:
            return
        session = self._process.pid
        self._process.terminate()
        kill(wait_gone(lambda: self._members(session), STOP_TIMEOUT_S))
        wait_gone(lambda: self._members(session), STOP_TIMEOUT_S)
        self._process.wait()

    def kill(self) -> None:
        """End every process of the cluster at once; `stop` still has to follow."""
        if self._process is not None:
            kill(session_members([self._process.pid]))

    def _members(self, session: int) -> list[psutil.Process]:
        if self._process is not None:
            self._process.poll()
        return session_members([session])

    def _command(self, dashboard_port: int) -> list[str]:
        # What would be the same on every machine is free here, so that shops stand side by side.
        return [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"),
            *("--node-ip-address", "127.0.0.1", "--dashboard-host", "127.0.0.1"),
            *("--temp-dir", str(self._runtime / "ray")),
            *("--port", str(free_port()), "--dashboard-port", str(dashboard_port)),
            *("--dashboard-agent-listen-port", str(free_port())),
            *("--ray-client-server-port", str(free_port())),
            *("--object-store-memory", str(OBJECT_STORE_BYTES)),
            *("--include-log-monitor", "false", "--no-monitor", "--disable-usage-stats"),
            *("--log-style", "record"),
        ]

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            lines = self.log.read_text(errors="replace").strip().splitlines()
            if lines:
                return f"{lines[-1].strip()} (all of it: {self.log})"
        return f"it said nothing; its logs are in {self._runtime / 'ray'}"


def _are_running(dashboard: Dashboard, names: Sequence[str]) -> bool:
    try:
        return all(dashboard.is_running(each) for each in names)
    except Unavailable:  # it is slow on a busy machine; there is a deadline for the whole
        return False


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5.0, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
