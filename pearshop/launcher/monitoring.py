"""Prometheus and Grafana beside a shop: `pearshop up --monitoring`, where they are installed."""

import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

import httpx
import yaml

from pearshop.db.embedded_server import EmbeddedServer
from pearshop.errors import ConfigurationError
from pearshop.launcher.config import shipped

KEPT = ("--storage.tsdb.retention.time=15d", "--storage.tsdb.retention.size=1GB")
PROBE_S = 1.0
HERE = frozenset({"ray", "haproxy"})
"""The jobs of `deploy/prometheus/prometheus.yml` that one machine without an edge has."""
HEALTH = {"Prometheus": "/-/ready", "Grafana": "/api/health"}
"""Where each says whether it is well."""
DASHBOARDS = Path("ray/session_latest/metrics/grafana/dashboards")
"""Where Ray writes its own, below the runtime directory."""


class Prometheus(EmbeddedServer):
    """One that watches the shop of a runtime directory, on loopback, by the rules in `deploy/`."""

    name = "Prometheus"

    def __init__(self, directory: Path, runtime: Path) -> None:
        super().__init__(directory)
        self.runtime = runtime
        self._configuration = self.directory / "prometheus.yml"
        self._ingress = self.directory / "haproxy.json"

    def aim(self, port: str | None) -> None:
        """Tell it the port of HAProxy's metrics, which each cluster chooses; `None`: there is none.

        Prometheus reads it within seconds, whether it runs already or not.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        targets = [f"127.0.0.1:{port}"] if port else []
        _replace(self._ingress, json.dumps([{"targets": targets}]))

    def _prepare(self) -> None:
        self._program = _program("prometheus", "Prometheus", "apt-get install prometheus")
        shipped_one = shipped("deploy/prometheus/prometheus.yml")
        description: dict[str, Any] = yaml.safe_load(shipped_one.read_text())
        description["rule_files"] = [str(shipped_one.with_name("alerts.yml"))]
        description.pop("alerting", None)
        files = {
            "ray": self.runtime / "ray" / "prom_metrics_service_discovery.json",
            "haproxy": self._ingress,
        }
        jobs = [each for each in description["scrape_configs"] if each["job_name"] in HERE]
        for job in jobs:
            for elsewhere in ("static_configs", "http_sd_configs"):
                job.pop(elsewhere, None)
            job["file_sd_configs"] = [
                {"files": [str(files[job["job_name"]])], "refresh_interval": "5s"}
            ]
        description["scrape_configs"] = jobs
        _replace(self._configuration, yaml.safe_dump(description))

    def _command(self, port: int) -> list[str]:
        return [
            *(self._program, self._marker(), f"--web.listen-address=127.0.0.1:{port}"),
            *(f"--storage.tsdb.path={self.directory / 'data'}", *KEPT, "--log.level=warn"),
        ]

    def _url(self, port: int) -> str:
        return f"http://127.0.0.1:{port}"

    def _probe(self) -> bool:
        return answers(self.url + HEALTH[self.name])

    def _marker(self) -> str:
        return f"--config.file={self._configuration}"


class Grafana(EmbeddedServer):
    """One that shows what a `Prometheus` has, on loopback: the shop's dashboard and Ray's own.

    Whoever reaches it may look; Ray's dashboard embeds it.
    """

    name = "Grafana"

    def __init__(self, directory: Path, prometheus: Prometheus) -> None:
        super().__init__(directory)
        self._prometheus = prometheus
        self._configuration = self.directory / "grafana.ini"

    def _prepare(self) -> None:
        self._program = _program(
            "grafana-server", "Grafana", "see grafana.com/grafana/download, Debian has none"
        )
        own = Path(self._program).resolve().parent.parent  # as its archive is unpacked
        packaged = Path("/usr/share/grafana")
        self._home = own if (own / "conf" / "defaults.ini").is_file() else packaged

    def _command(self, port: int) -> list[str]:
        self._configuration.touch(mode=0o600)  # it has a password
        self._configuration.write_text(
            f"[server]\nhttp_addr = 127.0.0.1\nhttp_port = {port}\n"
            f"[paths]\ndata = {self.directory / 'data'}\nlogs = {self.directory / 'logs'}\n"
            f"plugins = {self.directory / 'plugins'}\n"
            f"provisioning = {shipped('deploy/grafana/provisioning')}\n"
            "[log]\nmode = console\nlevel = warn\n"
            "[analytics]\nreporting_enabled = false\ncheck_for_updates = false\n"
            "check_for_plugin_updates = false\n"
            f"[security]\nallow_embedding = true\nadmin_password = {secrets.token_urlsafe(24)}\n"
            "[auth.anonymous]\nenabled = true\norg_role = Viewer\n"
        )
        return [self._program, "--homepath", str(self._home), "--config", self._marker()]

    def _url(self, port: int) -> str:
        return f"http://127.0.0.1:{port}"

    def _probe(self) -> bool:
        return answers(self.url + HEALTH[self.name])

    def _marker(self) -> str:
        return str(self._configuration)

    def _process_arguments(self) -> dict[str, Any]:
        # What `deploy/grafana/provisioning` asks its environment for.
        variables = {
            "PROMETHEUS_URL": self._prometheus.url,
            "SHOP_DASHBOARDS": str(shipped("deploy/grafana/dashboards")),
            "RAY_DASHBOARDS": str(self._prometheus.runtime / DASHBOARDS),
        }
        return {"env": os.environ | variables}


def monitors(folder: Path, runtime: Path) -> tuple[Prometheus, Grafana]:
    """Return the two of a shop, not started."""
    prometheus = Prometheus(folder / "prometheus", runtime)
    return prometheus, Grafana(folder / "grafana", prometheus)


def ray_variables(prometheus: Prometheus, grafana: Grafana) -> dict[str, str]:
    """Return what Ray's dashboard has to know before it starts of those of the two that run."""
    if not prometheus.is_running():
        return {}
    variables = {"RAY_PROMETHEUS_HOST": prometheus.url}
    if grafana.is_running():
        return variables | {"RAY_GRAFANA_HOST": grafana.url, "RAY_GRAFANA_IFRAME_HOST": grafana.url}
    return variables | {"RAY_GRAFANA_HOST": "DISABLED"}  # or it asks in vain, again and again


def answers(url: str) -> bool:
    """Return whether there is 200 at the address, soon."""
    try:
        return httpx.get(url, timeout=PROBE_S, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _program(command: str, name: str, how: str) -> str:
    """Return where a program is. Raises `ConfigurationError`, saying how to get it."""
    found = shutil.which(command)
    if found is None:
        raise ConfigurationError(f"{name} is not installed: {how}.")
    return found


def _replace(file: Path, text: str) -> None:
    """Write a file, whole or not at all: Prometheus may be reading it."""
    temporary = file.with_suffix(".new")
    temporary.write_text(text)
    temporary.replace(file)
