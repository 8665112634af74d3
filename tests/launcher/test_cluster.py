"""A dashboard is one's own or another's."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pearshop.launcher.cluster import Cluster


class _Dashboard(BaseHTTPRequestHandler):
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
