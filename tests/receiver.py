"""A real HTTP server that keeps what it is sent and answers as it is told."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pearshop.webhooks.message import EVENT_ID


@dataclass(frozen=True)
class Received:
    """A request as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)

    @property
    def event_id(self) -> int:
        return int(self.headers[EVENT_ID])


@dataclass
class Receiver:
    """`statuses`: of the next answers, 204 afterwards. `gate`: answers wait until it is open."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    statuses: deque[int] = field(default_factory=deque)
    gate: threading.Event = field(default_factory=threading.Event)
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""
    under_way: int = 0
    most_under_way: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events?from=pears"

    @property
    def ids(self) -> list[int]:
        """The events that came, in their order, repeats too."""
        return [each.event_id for each in self.received]

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        with self._lock:
            self.received.append(Received(request.path, dict(request.headers), body))
            status = self.statuses.popleft() if self.statuses else 204
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
        self.gate.wait()
        with self._lock:
            self.under_way -= 1
        request.send_response(status)
        for name, value in self.headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(self.content)))
        request.end_headers()
        request.wfile.write(self.content)


@contextmanager
def receiving(open_gate: bool = True) -> Iterator[Receiver]:
    """Run a receiver on a free port; its gate is opened at the end, whoever waits there."""
    receiver = Receiver()
    if open_gate:
        receiver.gate.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_port
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.gate.set()
            server.shutdown()
            thread.join()
