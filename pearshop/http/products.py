"""A replica's own memory of the catalogue: trusted for seconds, emptied by notices.

Loads are shared: however many requests miss the same product at once, the database is asked
once. Redis carries the notices between replicas; without it the seconds are all there is. While
the database is away, the last known answers serve on: nothing can be bought then, but looked at.
"""

import asyncio
import contextlib
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Generic, TypeVar, cast

import redis.asyncio
from redis.exceptions import RedisError

from pearshop.actors.batching import Batcher, detached
from pearshop.db import product as rows
from pearshop.db.execute import Database
from pearshop.db.product import unknown_product
from pearshop.domain.product import Product
from pearshop.errors import Unavailable

logger = logging.getLogger(__name__)
T = TypeVar("T")

CHANNEL = "pearshop:products"
PATIENCE_S = 1.0
"""How long a fresh answer is waited for where there is an old one."""
MAX_PRODUCTS = 20_000
MAX_PAGES = 64
RECONNECT_S = 1.0
QUIET_S = 1.0
NOTICES = 1_000
"""Products in one notice, at most."""


class Expiring(Generic[T]):
    """Values that are trusted for `seconds`; the oldest leave when there are too many."""

    def __init__(self, seconds: float, limit: int) -> None:
        self._seconds = seconds
        self._limit = limit
        self._values: OrderedDict[object, tuple[float, T]] = OrderedDict()

    def get(self, key: object) -> T | None:
        """Return a value that is still trusted."""
        found = self._values.get(key)
        return found[1] if found and found[0] > time.monotonic() else None

    def last(self, key: object) -> T | None:
        """Return a value that was trusted once, for want of a better one."""
        found = self._values.get(key)
        return found[1] if found else None

    def put(self, key: object, value: T) -> None:
        """Trust a value from now on."""
        self._values[key] = time.monotonic() + self._seconds, value
        self._values.move_to_end(key)
        if len(self._values) > self._limit:
            self._values.popitem(last=False)

    def doubt(self, *keys: object) -> None:
        """Trust these values no more."""
        for key in keys:
            if key in self._values:
                self._values[key] = 0.0, self._values[key][1]

    def doubt_all(self) -> None:
        """Trust no value any more."""
        self.doubt(*self._values)


class Products:
    """Products by id and pages of the catalogue, as fresh as stated above."""

    def __init__(self, database: Database, seconds: float, redis_url: str = "") -> None:
        self._database = database
        self._known: Expiring[Product] = Expiring(seconds, MAX_PRODUCTS)
        self._pages: Expiring[object] = Expiring(seconds, MAX_PAGES)
        self._loading: dict[int, asyncio.Future[Product | None]] = {}
        self._paging: dict[object, asyncio.Future[object]] = {}
        self._changes = 0
        """Grows with each change heard of: a load that began before it is not to be kept."""
        self._loader: Batcher[int] = Batcher(self._load, limit=500)
        self._notices: Batcher[int] = Batcher(self._send, limit=NOTICES)
        self._redis = redis.asyncio.from_url(redis_url, socket_timeout=1.0) if redis_url else None
        self.hears = False
        """Whether notices of other replicas come in."""

    async def on_sale(self, product_id: int) -> Product:
        """Return a product that can be bought. Raises `NotFound`."""
        found = (await self.by_ids([product_id])).get(product_id)
        if found is None or found.hidden:
            raise unknown_product()
        return found

    async def by_ids(self, ids: Iterable[int]) -> dict[int, Product]:
        """Return those of the products that exist, hidden ones too."""
        found: dict[int, Product] = {}
        missing: list[int] = []
        for product_id in ids:
            known = self._known.get(product_id)
            if known is None:
                missing.append(product_id)
            else:
                found[product_id] = known
        waits = (_or_last(self._wait(each), self._known.last(each)) for each in missing)
        for product in await asyncio.gather(*waits):
            if product is not None:
                found[product.id] = product
        return found

    async def page(self, key: object, make: Callable[[], Awaitable[T]]) -> T:
        """Return a page made lately, or make it, once for all who ask meanwhile."""
        known = self._pages.get(key)
        if known is None:
            running = self._paging.get(key)
            if running is None:
                running = self._paging[key] = detached(self._make(key, make))
                running.add_done_callback(lambda _: self._paging.pop(key, None))
            known = await _or_last(running, self._pages.last(key))
        return cast("T", known)

    def changed(self, ids: Sequence[int]) -> None:
        """Forget products that have changed, here and, soon after, in every other replica."""
        self._doubt(ids)
        if self._redis is not None and len(self._notices) < NOTICES:  # or it hangs
            for product_id in ids:
                self._notices.put(product_id)

    async def listen(self) -> None:
        """Hear of changes that other replicas made, until cancelled."""
        if self._redis is None:
            return
        while True:
            with contextlib.suppress(RedisError, OSError):
                await self._hear(self._redis)
            self.hears = False
            await asyncio.sleep(RECONNECT_S)

    async def _hear(self, connection: "redis.asyncio.Redis") -> None:
        async with connection.pubsub() as notices:
            await notices.subscribe(CHANNEL)
            self._doubt_all()  # what was said before went by unheard
            self.hears = True
            while True:
                notice = await notices.get_message(ignore_subscribe_messages=True, timeout=QUIET_S)
                if notice is None:
                    await connection.ping()  # a Redis that hangs is as silent as one without news
                else:
                    self._doubt(
                        [int(each) for each in notice["data"].split(b",") if each.isdigit()]
                    )

    async def _send(self, ids: list[int]) -> None:
        assert self._redis is not None
        try:
            await self._redis.publish(CHANNEL, ",".join(map(str, ids)))
        except RedisError as error:
            logger.warning("No notice of a change could be sent: %s", error)

    def _doubt(self, ids: Sequence[int]) -> None:
        self._changes += 1
        self._known.doubt(*ids)
        self._pages.doubt_all()

    def _doubt_all(self) -> None:
        self._changes += 1
        self._known.doubt_all()
        self._pages.doubt_all()

    def _wait(self, product_id: int) -> "asyncio.Future[Product | None]":
        """Return what a load under way, or a new one, will bring for all who wait for it."""
        waiting = self._loading.get(product_id)
        if waiting is None:
            waiting = asyncio.get_running_loop().create_future()
            self._loading[product_id] = waiting
            self._loader.put(product_id)
        return waiting

    async def _load(self, ids: list[int]) -> None:
        changes = self._changes
        try:
            found = {p.id: p for p in await self._database.run(rows.by_ids, ids)}
        except Exception as error:
            for product_id in ids:
                self._make_do(product_id, self._loading.pop(product_id), error)
            return
        for product_id in ids:
            product = found.get(product_id)
            if product is not None:
                self._known.put(product_id, product)
                if changes != self._changes:
                    self._known.doubt(product_id)
            self._loading.pop(product_id).set_result(product)

    def _make_do(
        self, product_id: int, waiting: "asyncio.Future[Product | None]", error: Exception
    ) -> None:
        last = self._known.last(product_id)
        if last is not None and isinstance(error, Unavailable):
            waiting.set_result(last)
        else:
            waiting.set_exception(error)
            waiting.exception()  # nobody may be left to hear it

    async def _make(self, key: object, make: Callable[[], Awaitable[object]]) -> object:
        changes = self._changes
        try:
            page = await make()
        except Unavailable:
            if (last := self._pages.last(key)) is not None:
                return last
            raise
        self._pages.put(key, page)
        if changes != self._changes:
            self._pages.doubt(key)
        return page


async def _or_last(coming: "asyncio.Future[T]", last: T | None) -> T:
    """Return what is coming; the last known value if that takes long."""
    patience = None if last is None else PATIENCE_S
    done, _ = await asyncio.wait({coming}, timeout=patience)
    return coming.result() if done or last is None else last
