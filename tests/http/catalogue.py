"""A catalogue of a replica: a database that counts, pages that count, and what happens to them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from pearshop.domain.product import Product
from pearshop.errors import Unavailable
from pearshop.http.caching.scope import Scope
from pearshop.http.pages import Page
from pearshop.http.products import Products
from pearshop.settings import Settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)
PEAR = Product(1, None, "Pear", 100, "", "", "", None, False, NOW, NOW)

COUNTED = PEAR._replace(stock=9)


class Rows:
    """A database that answers from a dict and counts how often it is asked."""

    def __init__(self) -> None:
        self.products = {1: PEAR, 2: PEAR._replace(id=2, hidden=True)}
        self.asked: list[list[int]] = []
        self.fails = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def run(self, operation: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        ids = args[0]
        self.asked.append(list(ids))
        await asyncio.sleep(0)
        await self.gate.wait()
        if self.fails:
            raise Unavailable("away")
        return [self.products[each] for each in ids if each in self.products]

    read = run


def make_products(rows: Rows, url: str = "", seconds: float = 60, stale: float = 0) -> Products:
    settings = Settings(
        redis_url=url, catalogue_memory_seconds=seconds, catalogue_stale_seconds=stale
    )
    return Products(rows, settings)


def costs(price: int) -> Product:
    return PEAR._replace(price=price, updated_at=LATER)


async def price_of(products: Products) -> int:
    return (await products.on_sale(1)).product.price


class Pages:
    """Makes pages that tell how many were made before."""

    def __init__(self, scope: Scope | None = None) -> None:
        self.made = 0
        self.fails = False
        self._scope = scope
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, may_lag: bool) -> Page:
        self.made += 1
        number = self.made
        await self.gate.wait()
        if self.fails:
            raise Unavailable("away")
        return Page(str(number).encode(), {"ETag": "x"}, self._scope)


async def content_of(products: Products, make: Callable[[bool], Awaitable[Page]]) -> int:
    return int((await products.page("a", make)).content)


@asynccontextmanager
async def listening(products: Products) -> AsyncIterator[None]:
    task = asyncio.create_task(products.listen())
    async with asyncio.timeout(20):
        while not products.hears:
            await asyncio.sleep(0.01)
    yield
    task.cancel()
