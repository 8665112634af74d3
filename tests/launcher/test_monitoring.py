"""Monitoring is started where it is installed; where it is not, one line says how to get it.

Prometheus is the real one in `tests/e2e/test_launch.py`. Grafana comes in no package that is within
reach of the tests: a stand-in answers in its place and checks what it is started with.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from pearshop.launcher.monitoring import Grafana, Prometheus, monitors, ray_variables
from pearshop.launcher.servers import Servers
from pearshop.launcher.state import Run
from pearshop.launcher.status import report
from pearshop.settings import Settings

GRAFANA = """#!{python}
import configparser, http.server, os, pathlib, sys
home, file = sys.argv[2], sys.argv[4]
assert sys.argv[1:4:2] == ["--homepath", "--config"]
settings = configparser.ConfigParser(interpolation=None)
settings.read(file)
provisioning = pathlib.Path(settings["paths"]["provisioning"])
text = "".join(each.read_text() for each in provisioning.rglob("*.yml"))
told = os.path.expandvars(text)

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(told.encode())

server = settings["server"]
http.server.HTTPServer((server["http_addr"], int(server["http_port"])), Answer).serve_forever()
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that programs are looked for in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[tuple[Prometheus, Grafana, Servers]]:
    prometheus, grafana = monitors(tmp_path / "state", tmp_path / "runtime")
    settings = Settings(database_url="postgresql://127.0.0.1:1/x", redis_url="redis://127.0.0.1:1")
    servers = Servers(tmp_path / "state", settings, (prometheus, grafana))
    yield prometheus, grafana, servers
    servers.stop()


def _install(folder: Path, name: str, text: str) -> None:
    program = folder / name
    program.write_text(text)
    program.chmod(0o755)


def _prometheus(folder: Path) -> None:
    answer = "self.send_response(200); self.end_headers()"
    _install(
        folder,
        "prometheus",
        f"#!{sys.executable}\nimport http.server, sys\n"
        "address = next(each for each in sys.argv if 'listen-address' in each).rpartition(':')\n"
        "class Answer(http.server.BaseHTTPRequestHandler):\n"
        f"    def do_GET(self): {answer}\n"
        "http.server.HTTPServer(('127.0.0.1', int(address[2])), Answer).serve_forever()\n",
    )


def test_what_is_not_installed_is_one_line(
    programs: Path, watched: tuple[Prometheus, Grafana, Servers]
) -> None:
    prometheus, grafana, servers = watched
    said: list[str] = []
    servers.start_monitors(said.append)
    line = "Prometheus is not installed: apt-get install prometheus. The shop starts without it."
    assert said == [line]
    assert servers.pids() == {}
    assert ray_variables(prometheus, grafana) == {}


def test_without_grafana_ray_does_not_look_for_it(
    programs: Path, watched: tuple[Prometheus, Grafana, Servers]
) -> None:
    prometheus, grafana, servers = watched
    _prometheus(programs)
    said: list[str] = []
    servers.start_monitors(said.append)
    assert len(said) == 1
    assert said[0].startswith("Grafana is not installed: ")
    assert set(servers.pids()) == {"prometheus"}
    assert ray_variables(prometheus, grafana) == {
        "RAY_PROMETHEUS_HOST": prometheus.url,
        "RAY_GRAFANA_HOST": "DISABLED",
    }


def test_grafana_shows_the_shops_dashboard_and_rays(
    programs: Path, watched: tuple[Prometheus, Grafana, Servers]
) -> None:
    prometheus, grafana, servers = watched
    _prometheus(programs)
    _install(programs, "grafana-server", GRAFANA.format(python=sys.executable))
    servers.start_monitors(pytest.fail)
    assert set(servers.pids()) == {"prometheus", "grafana"}
    provisioned = httpx.get(grafana.url, trust_env=False).text
    assert f"url: {prometheus.url}" in provisioned
    assert str(Path(__file__).parents[2] / "deploy/grafana/dashboards") in provisioned
    ray = prometheus.runtime / "ray/session_latest/metrics/grafana/dashboards"
    assert f"path: {ray}" in provisioned
    assert (grafana.directory / "grafana.ini").stat().st_mode & 0o777 == 0o600
    assert ray_variables(prometheus, grafana) == {
        "RAY_PROMETHEUS_HOST": prometheus.url,
        "RAY_GRAFANA_HOST": grafana.url,
        "RAY_GRAFANA_IFRAME_HOST": grafana.url,
    }
    pids = list(servers.pids().values())
    after_a_kill = monitors(grafana.directory.parent, prometheus.runtime)
    assert [each.stop_leftover() for each in after_a_kill] == [[pid] for pid in pids]


def test_status_tells_of_what_was_started() -> None:
    nowhere = "http://127.0.0.1:1"
    run = Run(nowhere, nowhere, "postgresql://127.0.0.1:1/x", "redis://127.0.0.1:1", {}, "staff")
    urls = {"Prometheus": nowhere, "Grafana": nowhere}
    told = report(Run(**{**vars(run), "monitor_urls": urls}))
    assert [(part.name, part.healthy) for part in told[-2:]] == [
        ("prometheus", False),
        ("grafana", False),
    ]
