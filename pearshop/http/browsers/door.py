"""The outermost layer: for which names the shop answers, and what browsers may make of answers."""

import logging

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pearshop.http import answers
from pearshop.http.batch import UNTIL
from pearshop.http.browsers.hosts import Hosts
from pearshop.http.browsers.policies import DATA, NOSNIFF, POLICY

logger = logging.getLogger(__name__)

HEALTH = "/-/"
"""Ray Serve's own addresses, which its ingress asks for by no particular name."""


class Door:
    """Refuses requests for names that are not the shop's, and adds policies to all answers.

    A request that failed inside, which nothing there foresaw, is logged and answered by `defect`.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, defect: Response) -> None:
        self._app = app
        self._hosts = hosts
        self._defect = defect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or UNTIL in scope or scope["path"].startswith(HEALTH):
            await self._app(scope, receive, send)
            return
        out = _Policies(send)
        named = [value for name, value in scope["headers"] if name == b"host"]
        if len(named) != 1 or not self._hosts.know(named[0]):
            await UNKNOWN(scope, receive, out)
            return
        try:
            await self._app(scope, receive, out)
        except Exception:
            logger.exception("%s %s met a defect.", scope["method"], scope["path"])
            if out.started:
                raise
            await self._defect(scope, receive, out)


UNKNOWN = answers.problem(
    400,
    "The shop does not go by that name: ask for it by its own, or add the name to "
    "PEARSHOP_ALLOWED_HOSTS.",
    "unknown_host",
)


class _Policies:
    """A `send` that adds the policies; `started`: an answer has begun."""

    __slots__ = ("_send", "started")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = message["headers"]
            if any(name == POLICY for name, _ in headers):
                message["headers"] = [*headers, NOSNIFF]
            else:
                message["headers"] = [*headers, *DATA]
        await self._send(message)
