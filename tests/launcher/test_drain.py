"""A stop waits for the requests under way, against the real HAProxy."""

import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from pearshop.db.embedded_server import free_port, port_is_free
from pearshop.launcher import haproxy
from pearshop.launcher.drain import drain


class Slow(BaseHTTPRequestHandler):
    """Answers when told to."""

    began = threading.Event()
    may_answer = threading.Event()

    def do_GET(self) -> None:
        self.began.set()
        self.may_answer.wait()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A port where a HAProxy passes requests on to a slow server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever).start()
    node, port = tmp_path / "node", free_port()
    node.mkdir()
    (node / "haproxy.cfg").write_text(
        f"global\n  stats socket {node}/admin level admin\n"
        "defaults\n  mode http\n  timeout connect 1s\n  timeout client 60s\n  timeout server 60s\n"
        f"frontend f\n  bind 127.0.0.1:{port}\n  default_backend b\n"
        f"backend b\n  server s 127.0.0.1:{server.server_address[1]}\n"
    )
    process = subprocess.Popen([haproxy._program(), "-db", "-f", str(node / "haproxy.cfg")])
    (node / haproxy.CURRENT).write_text(str(process.pid))
    while port_is_free("127.0.0.1", port):
        time.sleep(0.01)
    yield port
    process.kill()
    process.wait()
    server.shutdown()
    server.server_close()


def test_a_request_under_way_is_answered_and_no_other_is_taken(port: int, tmp_path: Path) -> None:
    answers: list[int] = []

    def ask() -> None:
        answers.append(httpx.get(f"http://127.0.0.1:{port}/", timeout=30).status_code)

    asking = threading.Thread(target=ask)
    asking.start()
    Slow.began.wait()
    draining = threading.Thread(target=drain, args=(tmp_path,))
    draining.start()
    while not port_is_free("127.0.0.1", port):
        time.sleep(0.01)
    assert draining.is_alive()
    Slow.may_answer.set()
    asking.join()
    draining.join()
    assert answers == [200]
