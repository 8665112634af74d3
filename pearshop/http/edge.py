"""Plain ASGI before everything else: how many requests at once, slashes, the size of bodies."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pearshop.errors import Unavailable
from pearshop.http import answers
from pearshop.http.members import PLACE, PROBES, UNTIL

API = "/api/"
AT_ONCE = 256
"""Requests that one replica works on; the next one is refused at once, while that is cheap."""
BUSY = Unavailable("The shop carries all the load that it can.")


class Edge:
    """Adds the slash that clients may leave out and refuses bodies that are too large.

    `larger` has the limits of paths whose bodies may be larger than `max_body_bytes`.
    """

    def __init__(
        self, app: ASGIApp, max_body_bytes: int, larger: Mapping[str, int] | None = None
    ) -> None:
        self._app = app
        self._limit = max_body_bytes
        self._larger = larger or {}
        self.under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        if path.startswith(API) and not path.endswith("/"):
            scope["path"] = path = path + "/"
        if UNTIL in scope or path in PROBES:  # a call within a batch, which has its place already
            await self._serve(scope, receive, send)
            return
        if self.under_way >= AT_ONCE:
            await answers.unavailable(BUSY, may_repeat=True)(scope, receive, send)
            return
        self.under_way += 1
        place = scope[PLACE] = _Place(self)
        try:
            await self._serve(scope, receive, send)
        finally:
            place.leave()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = self._larger.get(scope["path"], self._limit)
        length = next((v for k, v in scope["headers"] if k == b"content-length"), None)
        if length is None:
            receive = _counted(receive, limit)
        elif not length.isdigit() or int(length) > limit:
            await answers.problem(413, _too_large(limit), "too_large")(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _too_large(limit: int) -> str:
    return f"The body is larger than {limit:,} bytes: send less."


def _counted(receive: Receive, limit: int) -> Receive:
    """Return a `receive` that stops a body of unstated length at the limit."""
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise HTTPException(413, _too_large(limit))
        return message

    return counted


class _Place:
    """One request's place."""

    def __init__(self, edge: Edge) -> None:
        self._edge: Edge | None = edge

    def leave(self) -> None:
        """Give it up, once."""
        if self._edge is not None:
            self._edge.under_way -= 1
            self._edge = None
