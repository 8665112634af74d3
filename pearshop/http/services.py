"""What the routers of one replica work with, and who calls them."""

import hashlib
import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import Connection
from starlette.requests import Request

from pearshop.actors.carts import Carts
from pearshop.actors.messages import Answer, Call, LineChanged, OrderPlaced, ReadCart
from pearshop.db import audit
from pearshop.db import cart as cart_rows
from pearshop.db.execute import Database
from pearshop.db.order import PlaceOrder, key_reused
from pearshop.domain.cart import AddLines, Cart, CartCommand
from pearshop.domain.user import Role, User
from pearshop.errors import Forbidden, Invalid, Unauthenticated, Unavailable
from pearshop.http.caching.public import Public
from pearshop.http.freshness import Freshness
from pearshop.http.health import Readiness
from pearshop.http.limiting.guard import Guard
from pearshop.http.media.images import Images
from pearshop.http.passwords import Passwords
from pearshop.http.products import Products
from pearshop.http.reports import Reports
from pearshop.http.streams import Streams
from pearshop.http.tokens import ACCESS_S, Session, Tokens, bearer
from pearshop.settings import Settings
from pearshop.telemetry.origins import ORIGINS
from pearshop.webhooks.resolving import Resolver

P = ParamSpec("P")
T = TypeVar("T")

KEY_HEADER = "idempotency-key"
REQUEST_ID_HEADER = "x-ingress-request-id"
"""Set by the ingress, which repeats a request when a replica dies over it."""
MAX_KEY = 255
ANSWER_S = 0.1
"""What is left of a request's time for the answer when its cart gives up."""
LOOK_UPS = 2
"""Of hosts' names, by owners who add webhooks."""
KEY_PREFIX = os.urandom(8)
KEY_NUMBERS = itertools.count()
"""Keys made here must be new, not secret; asking the kernel for each costs 5 % of a request."""


SIGNED_IN = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}


@dataclass
class Revoked:
    """Sessions that are over although access tokens of theirs may still be about."""

    _until: dict[int, float] = field(default_factory=dict)

    def add(self, *sessions: int) -> None:
        """Refuse these sessions' access tokens from now on."""
        now = time.time()
        for session_id in sessions:
            self._until.setdefault(session_id, now + ACCESS_S + 60)
        if len(self._until) > 10_000:
            self._until = {s: until for s, until in self._until.items() if until > now}

    def __contains__(self, session_id: int) -> bool:
        return session_id in self._until


@dataclass
class Services:
    """Everything that a router needs. One for each replica."""

    settings: Settings
    database: Database
    carts: Carts
    products: Products
    tokens: Tokens
    passwords: Passwords
    images: Images = field(kw_only=True)
    freshness: Freshness = field(default_factory=Freshness)
    guard: Guard | None = None
    """Absent where rate limits are off."""
    revoked: Revoked = field(default_factory=Revoked)
    streams: Streams = field(default_factory=Streams)
    sign_ins: Counter[str] = field(default_factory=Counter)
    """Attempts to sign in by outcome."""
    readiness: Readiness = field(init=False)
    resolver: Resolver = field(init=False)
    """Tells where the URLs of webhooks lead."""
    public: Public = field(init=False)
    """Caching headers of the catalogue, for whoever is not signed in."""
    reports: Reports = field(init=False)

    def __post_init__(self) -> None:
        private = self.settings.webhook_private_addresses
        self.readiness = Readiness(self.database, self.carts)
        self.resolver = Resolver(private=private, lookups=LOOK_UPS)
        self.reports = Reports(self.database, self.settings.request_timeout - ANSWER_S)
        vary = "Authorization, Origin" if self.settings.origins else "Authorization"
        self.public = Public(self.settings.catalogue_public_seconds, vary)

    async def read(
        self,
        may_lag: bool,
        operation: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a `read_only` operation, on a replica where `may_lag` says that one will do."""
        ask = self.database.read if may_lag else self.database.run
        return await ask(operation, *args, **kwargs)

    async def change_cart(
        self, request: Request, caller: User, user_id: int, command: CartCommand
    ) -> LineChanged:
        """Have a cart actor carry out a command under the request's key."""
        ask = self._ask(user_id, command, key_of(request), _digest(repr(command)))
        if not caller.is_staff:  # the cart's own actor tells shoppers of it
            return cast("LineChanged", await ask)
        async with self.freshness.writing(caller.id):
            changed = cast("LineChanged", await ask)
        if user_id != caller.id and not changed.repeated:
            with once_done():
                await self.database.run(audit.record, caller.id, [_deed(user_id, command)])
        return changed

    async def repeat_of(
        self, request: Request, user_id: int, command: CartCommand
    ) -> LineChanged | None:
        """Return what the request's key was answered before. Raises `KeyReused`."""
        if KEY_HEADER not in request.headers and REQUEST_ID_HEADER not in request.headers:
            return None
        key = key_of(request)
        loaded = await self.database.run(cart_rows.load, [], [(user_id, key)])
        done = loaded.commands.get((user_id, key))
        if done is None:
            return None
        if done.fingerprint != _digest(repr(command)):
            raise key_reused()
        return LineChanged(done.line, repeated=True)

    async def place_order(
        self,
        request: Request,
        user: User,
        numbers: tuple[int, ...],
        delivery_address: str,
        expected_total: int | None,
    ) -> OrderPlaced:
        """Have a cart actor order lines of its cart under the request's key."""
        key = key_of(request)
        fingerprint = _digest(repr((numbers, delivery_address, expected_total)))
        wish = PlaceOrder(
            user.id, user.username, key, fingerprint, numbers, delivery_address, expected_total
        )
        async with self.freshness.writing(user.id):
            return cast("OrderPlaced", await self._ask(user.id, wish, key, fingerprint))

    async def merge_cart(self, user: User, guest_id: int, lines: AddLines) -> None:
        """Have a cart actor add what a visitor's cart held; once, however often it is asked."""
        name = f"guest {guest_id}"
        async with self.freshness.writing(user.id):
            await self._ask(user.id, lines, _digest(f"merge {name}"), _digest(name))

    async def read_cart(self, user_id: int) -> Cart:
        """Return a cart as its actor has it."""
        return cast("Cart", await self._ask(user_id, ReadCart(), b"", b""))

    async def cart_after(self, user_id: int, version: int) -> Cart | None:
        """Return a cart as its actor has it; `None` if it still has that version."""
        found = await self._ask(user_id, ReadCart(version), b"", b"")
        return found if isinstance(found, Cart) else None

    def sign_in(self, request: Request, username: str) -> AbstractAsyncContextManager[None]:
        """Guard one attempt to sign in, see `SignIns.attempt`."""
        if self.guard is None:
            return nullcontext()
        return self.guard.sign_ins.attempt(username, self.guard.addresses.of(request.scope))

    async def _ask(
        self,
        user_id: int,
        wish: CartCommand | PlaceOrder | ReadCart,
        key: bytes,
        fingerprint: bytes,
    ) -> Answer:
        deadline = time.time() + self.settings.request_timeout - ANSWER_S
        call = Call(user_id, wish, key, fingerprint, deadline, ORIGINS.get())
        return await self.carts.execute(call)


@contextmanager
def once_done() -> Iterator[None]:
    """For what comes after a change: a fault there must not read as if nothing had happened."""
    try:
        yield
    except Unavailable as error:
        raise Unavailable(error.detail, unknown=True) from None


def services(request: Request) -> Services:
    """Return this replica's services."""
    return cast("Services", request.app.state.services)


def session(request: Request) -> Session:
    """Return who calls. Raises `Unauthenticated`."""
    token = bearer(request.headers.get("authorization", ""))
    if not token:
        raise Unauthenticated(
            "Sign in and send the access token: Authorization: Bearer <token>.", "token_missing"
        )
    mine = services(request)
    caller = mine.tokens.check_access(token)
    if caller.session_id in mine.revoked:
        raise Unauthenticated("This session is over: sign in again.", "session_over")
    return caller


def public(request: Request) -> dict[str, str]:
    """Return the caching headers of what everyone may see.

    Whoever is signed in asks anew each time: staff have to see what they have just changed.
    """
    if "authorization" in request.headers:
        return SIGNED_IN
    scope = request.scope
    return services(request).public.headers(scope["path"], scope["query_string"])


def staff(request: Request, least: Role = Role.EDITOR) -> Session:
    """Return who calls, if it is staff of that role or a higher one.

    Raises `Unauthenticated` or `Forbidden`.
    """
    caller = session(request)
    if not caller.user.is_staff:
        raise Forbidden("Only staff may do this.", "staff_only")
    check_role(caller.user, least)
    return caller


def check_role(user: User, least: Role) -> None:
    """Raise `Forbidden` unless a user has that role or a higher one."""
    if user.role < least:
        raise Forbidden(
            f"Your role is {user.role.word}: ask somebody who is {least.word}.", "role_lacks"
        )


def key_of(request: Request) -> bytes:
    """Return the request's idempotency key as 16 bytes, a new one where none was sent."""
    sent = request.headers.get(KEY_HEADER)
    if sent is None:
        if (request_id := request.headers.get(REQUEST_ID_HEADER)) is not None:
            return _digest(f"ingress {request_id}")
        return KEY_PREFIX + next(KEY_NUMBERS).to_bytes(8)
    if not 1 <= len(sent) <= MAX_KEY:
        raise Invalid.of("Idempotency-Key", f"must have from 1 to {MAX_KEY} characters.")
    return _digest(sent)


def _deed(user_id: int, command: CartCommand) -> audit.Deed:
    kind = type(command).__name__.removesuffix("Line").lower()
    return audit.Deed(f"cart.line_{kind}", user_id, None, command._asdict())


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
