"""A real local server whose answers are written down beforehand."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """A request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    """What is answered, bytes as they are; `hang_up`: nothing, the connection is closed."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False


def problem(status: int, code: str, **extra: Any) -> Answer:
    """Return an error answer as the shop makes them."""
    headers = {"Retry-After": str(extra.pop("retry_after"))} if "retry_after" in extra else {}
    body = {"detail": f"It is {code}.", "code": code, "title": "", "status": status, **extra}
    return Answer(status, body, headers)


class Scripted(ThreadingHTTPServer):
    """Gives its answers one after the other, the last one for ever; `asked` has the requests."""

    daemon_threads = True

    def __init__(self, answers: list[Answer], listen: Callable[[Asked], Answer | None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.listen = listen
        self.asked: list[Asked] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, asked: Asked) -> Answer:
        """Return what this request is answered."""
        with self.lock:
            self.asked.append(asked)
            found = self.listen(asked)
            if found is not None:
                return found
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        server = self.server
        assert isinstance(server, Scripted)
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        is_json = headers.get("content-type", "").startswith("application/json")
        body = json.loads(sent) if is_json else sent or None
        asked = Asked(self.command, self.path, headers, body)
        answer = server.answer(asked)
        if answer.hang_up:
            self.close_connection = True
            return
        content = b"" if answer.body is None else answer.body
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - named by http.server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def scripted(
    *answers: Answer, listen: Callable[[Asked], Answer | None] = lambda _: None
) -> Iterator[Scripted]:
    """Run a server with these answers. `listen` may answer in their place."""
    server = Scripted(list(answers) or [Answer()], listen)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
