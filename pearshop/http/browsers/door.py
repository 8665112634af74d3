"""The outermost layer: who asks by which name, what browsers may make of answers, how all went."""

import logging
import time
from collections.abc import Sequence

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pearshop.http import answers
from pearshop.http.browsers.hosts import Hosts
from pearshop.http.browsers.policies import DATA, Policies
from pearshop.http.members import ROUTE, UNTIL
from pearshop.http.watch import Watch
from pearshop.telemetry.logs import LINES_OF_REQUESTS
from pearshop.telemetry.metrics import UNKNOWN_ROUTE

logger = logging.getLogger(__name__)

HEALTH = "/-/"
"""Ray Serve's own addresses, which its ingress asks for by no particular name."""


class Door:
    """Refuses requests for names that are not the shop's, and adds policies to all answers.

    Each request is watched, and its id is told. One that failed inside, which nothing there
    foresaw, is logged and answered by `defect`.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, defect: Response, watch: Watch) -> None:
        self._app = app
        self._watch = watch
        self._hosts = hosts
        self._defect = defect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["path"].startswith(HEALTH):
            await self._app(scope, receive, send)
            return
        seen = self._watch.begin(scope)
        is_part = UNTIL in scope  # within a batch, which has passed here already
        out = _Out(send, () if is_part else DATA, seen.request_id if seen.made_id else "")
        try:
            if is_part or self._is_known(scope):
                await self._app(scope, receive, out)
            else:
                await UNKNOWN(scope, receive, out)
        except Exception:
            told = {"request_id": seen.request_id, "route": scope.get(ROUTE, UNKNOWN_ROUTE)}
            logger.exception("A request met a defect.", extra=LINES_OF_REQUESTS.members(**told))
            if out.started:
                raise
            await self._defect(scope, receive, out)
        finally:
            self._watch.end(scope, seen, out.status, out.began)

    def _is_known(self, scope: Scope) -> bool:
        named = [value for name, value in scope["headers"] if name == b"host"]
        return len(named) == 1 and self._hosts.know(named[0])


UNKNOWN = answers.problem(
    400,
    "The shop does not go by that name: ask for it by its own, or add the name to "
    "PEARSHOP_ALLOWED_HOSTS.",
    "unknown_host",
)


class _Out(Policies):
    """It adds the request's id, too, where the server does not do so itself.

    `status` is 0 until an answer has begun, at `began`.
    """

    __slots__ = ("_request_id", "began", "status")

    def __init__(
        self, send: Send, policies: Sequence[tuple[bytes, bytes]], request_id: str
    ) -> None:
        super().__init__(send, policies)
        self._request_id = request_id
        self.status = 0
        self.began = 0.0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.began = time.perf_counter()
            if self._request_id:
                told = (b"x-request-id", self._request_id.encode())
                message["headers"] = [*message["headers"], told]
        await super().__call__(message)
