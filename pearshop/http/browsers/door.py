"""The outermost layer: for which names the shop answers, and what browsers may make of answers."""

import logging

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pearshop.http import answers
from pearshop.http.browsers.hosts import Hosts
from pearshop.http.browsers.policies import DATA, Policies
from pearshop.http.members import UNTIL

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
        if scope["type"] != "http" or scope["path"].startswith(HEALTH):
            await self._app(scope, receive, send)
            return
        out = Policies(send, DATA)
        if UNTIL in scope:  # within a batch, which has passed here already
            out = Policies(send, ())
        elif not self._is_known(scope):
            await UNKNOWN(scope, receive, out)
            return
        try:
            await self._app(scope, receive, out)
        except Exception:
            logger.exception("%s %s met a defect.", scope["method"], scope["path"])
            if out.started:
                raise
            await self._defect(scope, receive, out)

    def _is_known(self, scope: Scope) -> bool:
        named = [value for name, value in scope["headers"] if name == b"host"]
        return len(named) == 1 and self._hosts.know(named[0])


UNKNOWN = answers.problem(
    400,
    "The shop does not go by that name: ask for it by its own, or add the name to "
    "PEARSHOP_ALLOWED_HOSTS.",
    "unknown_host",
)
