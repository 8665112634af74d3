"""The outermost layer: for which names the shop answers, and what browsers may make of answers."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pearshop.http import answers
from pearshop.http.batch import UNTIL
from pearshop.http.browsers.hosts import Hosts
from pearshop.http.browsers.policies import DATA, NOSNIFF, POLICY

HEALTH = "/-/"
"""Ray Serve's own addresses, which its ingress asks for by no particular name."""


class Door:
    """Refuses requests for names that are not the shop's, and adds policies to all answers."""

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or UNTIL in scope or scope["path"].startswith(HEALTH):
            await self._app(scope, receive, send)
            return
        named = [value for name, value in scope["headers"] if name == b"host"]
        if len(named) == 1 and self._hosts.know(named[0]):
            await self._app(scope, receive, _with_policies(send))
        else:
            await UNKNOWN(scope, receive, _with_policies(send))


UNKNOWN = answers.problem(
    400,
    "The shop does not go by that name: ask for it by its own, or add the name to "
    "PEARSHOP_ALLOWED_HOSTS.",
    "unknown_host",
)


def _with_policies(send: Send) -> Send:
    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message["headers"]
            if any(name == POLICY for name, _ in headers):
                message["headers"] = [*headers, NOSNIFF]
            else:
                message["headers"] = [*headers, *DATA]
        await send(message)

    return add
