"""A dashboard is one's own or another's, and may fail over what it is given."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from pearshop.errors import ConfigurationError
from pearshop.launcher import cluster as launcher
from pearshop.launcher.cluster import DEPLOY_ATTEMPTS, Cluster
from pearshop.launcher.dashboard import Dashboard


class _Dashboard(BaseHTTPRequestHandler):
    answers: ClassVar[list[int]] = []
    """Of what is put: one for each time."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b"ray.exceptions.ActorDiedError: The actor died."
        self.send_response(self.answers.pop(0))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        body = json.dumps({"session_name": "session_of_someone"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def dashboard() -> Iterator[str]:
    """A dashboard of the session `session_of_someone`."""
    server = HTTPServer(("127.0.0.1", 0), _Dashboard)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("folder", "own"), [("session_of_someone", True), ("other", False)])
def test_another_shops_dashboard_is_not_taken_for_ones_own(
    dashboard: str, tmp_path: Path, folder: str, own: bool
) -> None:
    (tmp_path / "ray" / folder).mkdir(parents=True)
    cluster = Cluster(tmp_path, {})
    cluster.dashboard_url = dashboard
    assert cluster._has_own_dashboard() is own


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([200], None),
        ([500] * (DEPLOY_ATTEMPTS - 1) + [200], None),
        ([500] * DEPLOY_ATTEMPTS, "Ray Serve failed: ray.exceptions.ActorDiedError"),
        ([400], "Ray Serve refused the configuration"),
    ],
)
def test_serve_is_asked_again_where_it_failed_and_not_where_it_refused(
    dashboard: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[int],
    error: str | None,
) -> None:
    monkeypatch.setattr(launcher, "DEPLOY_PAUSE_S", 0)
    monkeypatch.setattr(Cluster, "is_running", lambda _: True)
    monkeypatch.setattr(_Dashboard, "answers", [*answers])
    cluster = Cluster(tmp_path, {})
    if error is None:
        cluster._hand_over(Dashboard(dashboard), {})
    else:
        with pytest.raises(ConfigurationError, match=error):
            cluster._hand_over(Dashboard(dashboard), {})
    assert _Dashboard.answers == []
