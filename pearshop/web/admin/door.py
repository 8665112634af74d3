"""The outermost layer: whose requests are taken, and what browsers may make of the answers."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.datastructures import State
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Router
from starlette.types import Message, Receive, Scope, Send

from pearshop.errors import Forbidden
from pearshop.http.browsers.cross_origin import check_own_page
from pearshop.http.browsers.hosts import Hosts
from pearshop.http.browsers.policies import Policies
from pearshop.web.admin.office import Office

Answer = Callable[[Request, Exception], Awaitable[Response]]

logger = logging.getLogger(__name__)

HEALTH = "/-/"
"""Ray Serve's own addresses."""
SAFE = ("GET", "HEAD")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob: https: http:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from elsewhere but products' images, which may be anywhere."""
HEADERS = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
NO_STORE = (b"cache-control", b"private, no-store")
UNKNOWN = PlainTextResponse(
    "The shop does not go by that name: ask for it by its own, or add the name to "
    "PEARSHOP_ALLOWED_HOSTS.",
    400,
)
METHOD = PlainTextResponse("Pages are read by GET and forms sent by POST.", 405)
STRANGER = PlainTextResponse(
    "This form was sent by a page of another site. Open the admin itself and send it from there.",
    403,
)


class Door:
    """Refuses other names than the shop's and forms of other sites' pages; adds policies.

    `answers` says what becomes of the errors that pages raise. A request that failed inside, which
    nothing there foresaw, is logged and answered by `defect`.
    """

    def __init__(
        self,
        router: Router,
        answers: Mapping[type[Exception], Answer],
        hosts: Hosts,
        office: Office,
        defect: Callable[[Request], Response],
    ) -> None:
        self.routes = router.routes
        self.state = State({"office": office})
        # Without Starlette's application around it, which answers defects in its own words.
        self._app = ExceptionMiddleware(router, answers)
        self._hosts = hosts
        self._defect = defect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        scope["app"] = self
        if scope["type"] != "http" or scope["path"].startswith(HEALTH):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        out = _Headers(send, HEADERS)
        refusal = self._refusal(request)
        if refusal is not None:
            await refusal(scope, receive, out)
            return
        try:
            await self._app(scope, receive, out)
        except Exception:
            logger.exception("%s %s met a defect.", scope["method"], scope["path"])
            if out.started:
                raise
            await self._defect(request)(scope, receive, out)

    def _refusal(self, request: Request) -> Response | None:
        names = request.headers.getlist("host")
        if len(names) != 1 or not self._hosts.know(names[0].encode("latin-1")):
            return UNKNOWN
        if request.method in SAFE:
            return None
        if request.method != "POST":
            return METHOD
        try:
            check_own_page(request, ())
        except Forbidden:
            return STRANGER
        return None


class _Headers(Policies):
    """A `send` that adds policies, and has nobody keep a page."""

    __slots__ = ()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message["headers"]
            if not any(name == b"cache-control" for name, _ in headers):
                message["headers"] = [*headers, NO_STORE]
        await super().__call__(message)
