"""What the pages of one replica share: the way to the API, and what seldom changes there."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

from starlette.requests import Request

from pearshop.client import Client, Tokens, Transport
from pearshop.client.shop import Category
from pearshop.client.user import Me
from pearshop.web.admin.files import Files
from pearshop.web.admin.money import Money

T = TypeVar("T")

FACTS_S = 60.0
CATEGORIES_S = 5.0
WHO_S = 30.0
"""How long it is believed who a session belongs to; the API itself asks each time."""
REMEMBERED = 1_000


class Kept(Generic[T]):
    """Values that are fetched anew when they are old."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._values: dict[str, tuple[float, T]] = {}

    async def get(self, name: str, fetch: Callable[[], Awaitable[T]]) -> T:
        """Return the value of that name."""
        until, value = self._values.get(name, (0.0, None))
        if value is None or until < time.monotonic():
            value = await fetch()
            if len(self._values) >= REMEMBERED:
                self._values.clear()
            self._values[name] = (time.monotonic() + self._seconds, value)
        return value

    def drop(self, name: str) -> None:
        """Forget the value of that name."""
        self._values.pop(name, None)


class Office:
    """One for each replica. `peer_header`: where an ingress of ours tells whom it serves."""

    def __init__(self, transport: Transport, peer_header: str | None) -> None:
        self._transport = transport
        self._peer_header = peer_header
        self.files = Files()
        self._facts = Kept[Money](FACTS_S)
        self._categories = Kept[list[Category]](CATEGORIES_S)
        self._who = Kept[Me](WHO_S)

    def client(self, request: Request, tokens: Tokens | None) -> Client:
        """Return a client in the name of whoever sent the request."""
        return Client(self._transport, tokens, self._forwarded(request))

    async def money(self, client: Client) -> Money:
        """Return what prices are in."""

        async def fetch() -> Money:
            facts = await client.shop.facts()
            return Money(facts.currency, facts.currency_exponent)

        return await self._facts.get("", fetch)

    async def categories(self, client: Client) -> list[Category]:
        """Return the first 500 categories."""

        async def fetch() -> list[Category]:
            return (await client.shop.categories()).items

        return await self._categories.get("", fetch)

    async def who(self, client: Client) -> Me:
        """Return who a client is."""
        assert client.tokens is not None
        return await self._who.get(client.tokens.refresh, client.me)

    def forget(self, tokens: Tokens) -> None:
        """Forget who a session belongs to."""
        self._who.drop(tokens.refresh)

    def _forwarded(self, request: Request) -> Mapping[str, str]:
        """Return the headers that tell the API, as any proxy does, whom a request is from."""
        peer = request.client.host if request.client else ""
        if self._peer_header is not None:
            peer = request.headers.get(self._peer_header, peer)
        before = ", ".join(request.headers.getlist("x-forwarded-for"))
        forwarded = ", ".join(filter(None, (before, peer)))
        return {"X-Forwarded-For": forwarded} if forwarded else {}
