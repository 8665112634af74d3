"""The limits that the settings name, and the ASGI layer that holds requests to them."""

import time
from collections import Counter
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pearshop.errors import Unauthenticated
from pearshop.http import answers
from pearshop.http.addresses import Addresses
from pearshop.http.limiting.counts import Counts
from pearshop.http.limiting.rates import Rate, Standing, too_many
from pearshop.http.limiting.shared import Shared
from pearshop.http.limiting.sign_in import SignIns
from pearshop.http.members import PROBES
from pearshop.http.tokens import Tokens, bearer
from pearshop.settings import Settings

SIGN_IN = ("/api/login/", "/api/token/refresh/", "/api/password/")
MAKING = ("/api/register/", "/api/guest/")
"""Addresses that make accounts."""
EXEMPT = "/-/"
"""How paths begin that are not counted: those by which Serve asks for health."""
BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
LONG_BODY = 16_384
"""Bytes from which on HAProxy hands a body on before it has all of it."""
LONG_AT_ONCE = 8
"""Requests with such a body of one address at a time: each holds a place until it is there."""


class Guard:
    """One replica's limits. `behind_ingress` as in `Addresses`."""

    def __init__(
        self,
        settings: Settings,
        *,
        behind_ingress: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        shared = Shared(settings.redis_url, settings.signing_key.get_secret_value())

        def counts(name: str, limit: str) -> Counts:
            return Counts(Rate.of(name, limit), shared, clock)

        self.addresses = Addresses(settings.trusted_proxies, behind_ingress=behind_ingress)
        self.by_address = counts("address", settings.rate_limit_address)
        self.by_user = counts("user", settings.rate_limit_user)
        sign_in = counts("sign-in", settings.rate_limit_sign_in)
        register = counts("register", settings.rate_limit_register)
        self.strict = dict.fromkeys(SIGN_IN, sign_in) | dict.fromkeys(MAKING, register)
        self.sign_ins = SignIns(shared, clock)
        self.long_bodies: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def refusals(self) -> dict[str, int]:
        """Return how many requests each limit refused since this was last asked."""
        told = dict(self.refused)
        self.refused.clear()
        if self.sign_ins.refused:
            told["username"] = self.sign_ins.refused
            self.sign_ins.refused = 0
        return told


class Limits:
    """Refuses with 429 what is beyond a limit, and tells clients how they stand.

    A batch is counted, and each call in it as itself: they come through here, too. A bad token
    counts for its address alone. Answers that caches may share tell nothing: the next to get one is
    somebody else.
    """

    def __init__(self, app: ASGIApp, guard: Guard, tokens: Tokens) -> None:
        self._app = app
        self._guard = guard
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        path = scope.get("path", "")
        if scope["type"] != "http" or path.startswith(EXEMPT) or path in PROBES:
            await self._app(scope, receive, send)
            return
        address = self._guard.addresses.of(scope)
        standing = await self._count(scope, address)
        telling = _telling(send, standing)
        if standing.left < 0:
            self._guard.refused[standing.rate.name] += 1
            await answers.refusal(too_many(standing.seconds))(scope, receive, telling)
        elif _has_long_body(scope):
            await self._with_long_body(address, scope, receive, telling)
        else:
            await self._app(scope, receive, telling)

    async def _with_long_body(
        self, address: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        long_bodies = self._guard.long_bodies
        if long_bodies[address] >= LONG_AT_ONCE:
            self._guard.refused["long-bodies"] += 1
            await answers.refusal(too_many(1))(scope, receive, send)
            return
        long_bodies[address] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            long_bodies[address] -= 1
            if not long_bodies[address]:
                del long_bodies[address]

    async def _count(self, scope: Scope, address: str) -> Standing:
        """Return how the client stands under the limit that leaves it least."""
        guard = self._guard
        standing = guard.by_address.hit(address)
        if standing.left >= 0 and scope["method"] == "POST":
            strict = guard.strict.get(scope["path"])
            if strict is not None:
                standing = _tighter(standing, await strict.hit_shared(address))
        if standing.left >= 0 and (user := self._user(scope)):
            standing = _tighter(standing, guard.by_user.hit(user))
        return standing

    def _user(self, scope: Scope) -> str:
        """Return the id of whose token this is; empty when there is none or a bad one."""
        for name, value in scope["headers"]:
            if name == b"authorization":
                token = bearer(value.decode("latin-1"))
                try:
                    return str(self._tokens.check_access(token).user.id) if token else ""
                except Unauthenticated:
                    return ""
        return ""


def _has_long_body(scope: Scope) -> bool:
    """Return whether the body may still be on its way; one of unstated length may be any."""
    if scope["method"] in BODILESS:
        return False
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"")
    return b"transfer-encoding" in headers or (length.isdigit() and int(length) > LONG_BODY)


def _tighter(one: Standing, other: Standing) -> Standing:
    return other if other.left < one.left else one


def _telling(send: Send, standing: Standing) -> Send:
    async def tell(message: Message) -> None:
        if message["type"] == "http.response.start" and not _is_public(message):
            message["headers"] = [*message["headers"], *standing.headers()]
        await send(message)

    return tell


def _is_public(message: Message) -> bool:
    return any(
        name == b"cache-control" and value.startswith(b"public")
        for name, value in message["headers"]
    )
