"""A call within a batch: the application is asked as if the call had come by itself."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import orjson
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive

from pearshop.errors import Unavailable
from pearshop.http import answers
from pearshop.http.members import REQUEST_ID, UNTIL
from pearshop.http.services import REQUEST_ID_HEADER
from pearshop.schemas.batch import BatchCall

PATH = "/api/batch/"
HANDED_ON = (b"host", b"authorization", b"x-ingress-client", b"x-forwarded-for")
"""Headers of the batch that are those of each of its calls, too."""
TOLD = (
    *("etag", "link", "x-total-count", "x-corrected-search", "retry-after"),
    *("idempotent-replayed", "allow", "www-authenticate", "ratelimit", "ratelimit-policy"),
)
"""Headers of an answer that its client may need; those for caches and browsers are the batch's."""
MAX_ANSWERS = 4 * 1024 * 1024
"""Bytes of answers after which no further call is begun."""
TO_ANSWER_S = 0.3
"""What is left of the batch's time when the last call has to be over."""
NO_TIME = Unavailable("There was no time left in the batch for this call, which was not begun.")
NO_ROOM = Unavailable("The batch's answers are large enough already; this call was not begun.")


@dataclass
class Answer:
    """Collects what the application sends."""

    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    async def send(self, message: Message) -> None:
        """Take one message of the application."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {
                name.decode("latin-1"): value.decode("latin-1")
                for name, value in message["headers"]
                if name.decode("latin-1") in TOLD
            }
        elif message["type"] == "http.response.body":
            self.content += message.get("body", b"")

    def render(self) -> dict[str, Any]:
        """Return its members, see `BatchAnswer`."""
        body = orjson.Fragment(self.content) if self.content else None
        return {"status": self.status, "headers": self.headers, "body": body}


async def carry_out(request: Request, calls: Iterable[BatchCall], seconds: float) -> list[Answer]:
    """Return what each call is answered, having made one after the other for up to `seconds`."""
    clock = asyncio.get_running_loop().time
    until = clock() + seconds - TO_ANSWER_S
    done: list[Answer] = []
    for number, call in enumerate(calls):
        if clock() >= until:
            done.append(await _refusal(request, NO_TIME))
        elif sum(len(each.content) for each in done) >= MAX_ANSWERS:
            done.append(await _refusal(request, NO_ROOM))
        else:
            done.append(await _ask(request.app, request, call, number, until))
    return done


async def _ask(
    app: ASGIApp, request: Request, call: BatchCall, number: int, until: float
) -> Answer:
    answer = Answer()
    try:
        await app(_scope(request, call, number, until), _body(call), answer.send)
    except Exception:  # its answer had begun; the door has logged it
        answer.status = 500
    return answer


async def _refusal(request: Request, error: Unavailable) -> Answer:
    answer = Answer()
    response = answers.unavailable(error, may_repeat=False)
    await response(request.scope, request.receive, answer.send)
    return answer


def _scope(request: Request, call: BatchCall, number: int, until: float) -> dict[str, Any]:
    path, _, query = call.path.partition("?")
    headers = [(name, value) for name, value in request.headers.raw if name in HANDED_ON]
    headers += [(k.lower().encode(), v.encode()) for k, v in call.headers.items()]
    if call.body is not None:
        headers.append((b"content-type", b"application/json"))
    if (sent := request.headers.get(REQUEST_ID_HEADER)) is not None:
        headers.append((REQUEST_ID_HEADER.encode(), f"{sent}.{number}".encode()))
    return {
        "type": "http",
        "asgi": request.scope.get("asgi", {"version": "3.0"}),
        "http_version": "1.1",
        "scheme": request.scope["scheme"],
        "method": call.method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": request.scope.get("root_path", ""),
        "query_string": query.encode(),
        "headers": headers,
        "client": request.scope.get("client"),
        "server": request.scope.get("server"),
        REQUEST_ID: f"{request.scope[REQUEST_ID]}.{number}",
        UNTIL: until,
    }


def _body(call: BatchCall) -> Receive:
    content = b"" if call.body is None else orjson.dumps(call.body)

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    return receive
