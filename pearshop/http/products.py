"""The catalogue as a replica shows it: its own memory, then Redis, then the database.

Loads are shared: however many requests miss the same product at once, it is fetched once. A change
by staff goes through: database, Redis, then a notice that all replicas hear; what a notice missed,
the pulse from the database tells within a second or two. While the database is away the last known
answers serve on: nothing can be bought then, but looked at.
"""

import asyncio
import hashlib
import math
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pearshop.actors.batching import Batcher, detached
from pearshop.db import product as rows
from pearshop.db.execute import Database
from pearshop.db.product import unknown_product
from pearshop.domain.product import Product
from pearshop.domain.stock import Left
from pearshop.errors import Unavailable
from pearshop.http.caching.chronicle import Chronicle
from pearshop.http.caching.memory import Entry, Memory
from pearshop.http.caching.notices import Ear, Notice
from pearshop.http.caching.scope import Change, Edit, as_heard, change_of, concerns, is_narrow
from pearshop.http.caching.shared import Shared
from pearshop.http.caching.telling import Telling
from pearshop.http.caching.values import Shown, decoded, encoded
from pearshop.http.freshness import Freshness
from pearshop.http.pages import Page, with_products
from pearshop.settings import Settings

T = TypeVar("T")
Make = Callable[[bool], Awaitable[Page]]
"""Makes a page; says whether a replica that lags will do."""
Show = Callable[[list[Product]], list[Any]]
"""Renders products as a page shows them."""

PATIENCE_S = 1.0
"""How long a fresh answer is waited for where there is an old one."""
MAX_PRODUCTS = 20_000
MAX_PAGE_BYTES = 32 * 1024 * 1024
PAGE_BYTES = 5_000
"""What a page costs besides its content; an empty one has been measured."""
HEARD = 12
"""What is known is trusted so many times longer while notices come in: what staff change is heard
of, by the pulse too. That stock was sold is told by a notice alone; one that died with its sender
is made up for by the product's next sale, or by the end of this time and that of Redis."""
FEW = 20
"""Changes at once of which each page is asked whether they concern it; more concern all."""
SALES_S = 0.05
"""Time between two notices of sales where there are many, for every replica has to read each: those
meanwhile are one."""
SALES_AT_ONCE = 20
"""Notices of sales that need not wait for each other, and that a sale waits for."""
TOLD = 1_000
"""Products in one notice, at most; of this many changes at once, none is looked at singly."""


class Products:
    """Products by id and pages of the catalogue, as fresh as stated above.

    `counts` holds how often each layer had what was sought: `(layer, outcome)`.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        freshness: Freshness | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        seconds, stale = settings.catalogue_memory_seconds, settings.catalogue_stale_seconds
        self._database = database
        self._freshness = freshness or Freshness()
        self._known: Memory[Shown | None] = Memory(seconds, stale, MAX_PRODUCTS, clock)
        self._pages: Memory[Page] = Memory(seconds, stale, MAX_PAGE_BYTES, clock)
        self._shared = Shared(settings.redis_url, settings.catalogue_shared_seconds)
        self._telling = Telling(self._shared)
        self._ear = Ear(settings.redis_url)
        self._loading: dict[int, asyncio.Future[Shown | None]] = {}
        self._making: dict[str, asyncio.Future[Page]] = {}
        self._heard: dict[int, Change] = {}
        self._chronicle = Chronicle()
        self._loader: Batcher[tuple[int, asyncio.Future[Shown | None]]] = Batcher(
            self._load, limit=500
        )
        self._sales: Batcher[tuple[int, Left]] = Batcher(self._tell_sales, limit=TOLD)
        self._sales_at = -math.inf
        """Until when notices of sales have been told, were they always `SALES_S` apart."""
        self._clock = clock
        self.counts: Counter[tuple[str, str]] = Counter()

    @property
    def hears(self) -> bool:
        """Whether notices of other replicas come in."""
        return self._ear.hears

    async def on_sale(self, product_id: int) -> Shown:
        """Return a product that can be bought. Raises `NotFound`."""
        shown = await self._get(product_id)
        if shown is None or shown.product.hidden:
            raise unknown_product()
        return shown

    async def by_ids(self, ids: Iterable[int]) -> dict[int, Product]:
        """Return those of the products that exist, hidden ones too."""
        found, sought = {}, []
        for each in ids:  # `_get` would do for all, but a task for each costs more than the look
            entry = self._known.get(each)
            if entry is not None and entry.value is not None and self._known.is_fresh(entry):
                found[each] = entry.value.product
            else:
                sought.append(each)
        self.counts["memory", "hit"] += len(found)
        return found | await self._seek(sought) if sought else found

    async def _seek(self, wanted: Sequence[int]) -> dict[int, Product]:
        """Do what `by_ids` does for those that have to be waited for."""
        found = await asyncio.gather(*map(self._get, wanted))
        if None in found:  # one that was not there when it was last looked for may be by now
            unknown = [each for each, shown in zip(wanted, found, strict=True) if shown is None]
            self._doubt(unknown)
            found += await asyncio.gather(*map(self._get, unknown))
        return {each.product.id: each.product for each in found if each is not None}

    async def page(self, name: str, make: Make, show: Show | None = None) -> Page:
        """Return the page of that name, or make it, once for all who ask meanwhile.

        With `show`, one whose products cost something else by now is not made anew for that.
        """
        entry = self._pages.get(name)
        freshness = self._look(self._pages, entry)
        if entry is not None and freshness == "hit":
            return entry.value
        coming = self._start_making(name, make, show)
        if entry is not None and freshness == "stale":
            return entry.value
        return await _or_last(coming, entry)

    async def changed(self, product: Product, edit: Edit | None = None) -> None:
        """Show a product as staff have just left it, here and in every other replica.

        Without an `edit` it is new, or gone.
        """
        await self._changed([product], {product.id: change_of(product, edit)})

    async def changed_together(self, products: Sequence[Product]) -> None:
        """Show products as staff have just left them, likewise."""
        for at in range(0, len(products), TOLD):
            some = products[at : at + TOLD]
            await self._changed(some, {each.id: Change(each.updated_at) for each in some})

    async def _changed(self, products: Sequence[Product], changes: dict[int, Change]) -> None:
        heard = self._hear_changes(changes)
        for each in products:
            self._remember(each.id, Shown(each))
        await self._telling.changed(changes, {each.id: encoded(each) for each in products})
        # What was read from Redis meanwhile was from before.
        self._doubt_pages(heard)

    async def sold(self, left: Mapping[int, Left]) -> None:
        """Show what orders left of products, here and elsewhere.

        Where sales are few Redis has been told when this returns, so that the answer, and what its
        reader asks another replica next, comes after the notice. Where they are many, it is soon.
        """
        self._show_left(left)
        if left and self._sales_at <= self._clock():
            self._count_sale()
            await asyncio.shield(detached(self._telling.sold(tuple(left.items()))))
        elif len(self._sales) < 10 * TOLD:  # or Redis hangs
            for sale in left.items():
                self._sales.put(sale)

    async def _tell_sales(self, left: Sequence[tuple[int, Left]]) -> None:
        self._count_sale()
        await self._telling.sold(left)
        await asyncio.sleep(SALES_S)

    def _count_sale(self) -> None:
        """Count a notice: after `SALES_AT_ONCE` of them the next has to gather sales."""
        idle_at = self._clock() - SALES_AT_ONCE * SALES_S
        self._sales_at = max(self._sales_at, idle_at) + SALES_S

    async def pulse(self, changes: Mapping[int, datetime], *, more: bool) -> None:
        """Hear of what staff changed lately. `more`: that is not all of it.

        Call it every second: what Redis did not hear is told again.
        """
        if await self._telling.again():
            self._missed()  # what was read from Redis until now was from before
        if more:
            await self._telling.everything()
            self._missed()
        found = self._unheard({each: Change(then) for each, then in changes.items()})
        if not found:
            return
        self._hear_changes(found)
        await self._telling.changed(found, {})
        self._doubt(found)
        self._doubt_pages()

    async def listen(self) -> None:
        """Hear of changes that other replicas made, until cancelled."""
        await self._ear.listen(self._hear_notice, self._missed)

    def _hear_notice(self, notice: Notice) -> None:
        if unheard := self._unheard(notice.changed):
            self._hear_changes(unheard)
        if notice.step is not None:
            heard = {e: self._heard.get(e, Change(how.at)) for e, how in notice.changed.items()}
            self._chronicle.add(*notice.step, heard)
        self._show_left(notice.sold)

    def _unheard(self, changes: Mapping[int, Change]) -> dict[int, Change]:
        """Return those of the changes that are not the last heard of their products."""
        return {
            each: how
            for each, how in changes.items()
            if (last := self._heard.get(each)) is None or last.at != how.at
        }

    def _hear_changes(self, changes: Mapping[int, Change]) -> dict[int, Change]:
        """Doubt what changes concern; return how far they reach for this replica."""
        heard = as_heard(changes, self._heard.get)
        if len(self._heard) > 10 * TOLD:
            self._heard.clear()
        self._heard |= heard
        self._doubt(changes)
        self._doubt_pages(heard)
        return heard

    def _missed(self) -> None:
        self._known.doubt_all()
        self._loading.clear()
        self._doubt_pages()

    def _doubt_pages(self, changes: Mapping[int, Change] | None = None) -> None:
        """Trust no page that these changes concern; without them, none at all."""
        self._freshness.catalogue_changed()
        self._making.clear()
        if changes is None or len(changes) > FEW or not all(map(is_narrow, changes.values())):
            self._pages.doubt_all()
        else:
            self._pages.doubt_if(lambda page: concerns(changes, page.scope))

    def _doubt(self, ids: Iterable[int]) -> None:
        """Trust neither what is known of these products nor what is on its way already."""
        for product_id in ids:
            self._known.doubt(product_id)
            self._loading.pop(product_id, None)

    def _show_left(self, left: Mapping[int, Left]) -> None:
        """Show the stock that sales left of products, and trust them anew.

        Of a product that staff have changed in between, before or after, nothing is trusted.
        """
        for product_id, (pieces, since) in left.items():
            self._loading.pop(product_id, None)
            entry = self._known.get(product_id)
            known = entry.value if entry is not None and self._known.is_usable(entry) else None
            stock = None if known is None else known.product.stock
            if known is None or stock is None or known.product.updated_at != since:
                self._known.doubt(product_id)
            elif pieces < stock:
                self._remember(product_id, Shown(known.product._replace(stock=pieces)))

    async def _get(self, product_id: int) -> Shown | None:
        entry = self._known.get(product_id)
        freshness = self._look(self._known, entry)
        if entry is not None and entry.value is None and freshness != "hit":
            entry = None  # it may be there by now; nobody is shown that it once was not
        if entry is not None and freshness == "hit":
            return entry.value
        coming = self._start_loading(product_id)
        if entry is not None and freshness == "stale":
            return entry.value
        return await _or_last(coming, entry)

    def _look(self, memory: Memory[Any], entry: Entry[Any] | None) -> str:
        """Return, and count, what became of a look into memory."""
        if entry is None or not memory.is_usable(entry):
            outcome = "miss"
        else:
            outcome = "hit" if memory.is_fresh(entry) else "stale"
        self.counts["memory", outcome] += 1
        return outcome

    def _start_loading(self, product_id: int) -> "asyncio.Future[Shown | None]":
        """Return what a load under way, or a new one, will bring for all who wait for it."""
        waiting = self._loading.get(product_id)
        if waiting is None:
            waiting = asyncio.get_running_loop().create_future()
            self._loading[product_id] = waiting
            self._loader.put((product_id, waiting))
        return waiting

    async def _load(self, sought: list[tuple[int, "asyncio.Future[Shown | None]"]]) -> None:
        leased = await self._shared.products([product_id for product_id, _ in sought])
        found = decoded(leased)
        missing = [product_id for product_id, _ in sought if product_id not in found]
        self.counts["redis", "hit"] += len(found)
        self.counts["redis", "miss"] += len(leased) - len(found)
        error: Exception | None = None
        if missing:
            try:
                found |= {p.id: p for p in await self._database.run(rows.by_ids, missing)}
            except Exception as fault:
                error = fault
        for product_id, waiting in sought:
            if error is None or product_id in found:
                self._bring(product_id, waiting, found.get(product_id))
            else:
                self._make_do(product_id, waiting, error)
        if leased:
            new = {each: encoded(found[each]) for each in missing if each in found}
            await self._shared.keep_products(new, leased)

    def _bring(
        self, product_id: int, waiting: "asyncio.Future[Shown | None]", product: Product | None
    ) -> None:
        shown = None if product is None else Shown(product)
        if self._loading.get(product_id) is waiting:  # nothing has changed meanwhile
            del self._loading[product_id]
            self._remember(product_id, shown)
        waiting.set_result(shown)

    def _remember(self, product_id: int, shown: Shown | None) -> None:
        self._known.put(product_id, shown, times=HEARD if self.hears else 1)

    def _make_do(
        self, product_id: int, waiting: "asyncio.Future[Shown | None]", error: Exception
    ) -> None:
        if self._loading.get(product_id) is waiting:
            del self._loading[product_id]
        last = self._known.get(product_id)
        if last is not None and last.value is not None and isinstance(error, Unavailable):
            waiting.set_result(last.value)
        else:
            waiting.set_exception(error)
            waiting.exception()  # nobody may be left to hear it

    def _start_making(self, name: str, make: Make, show: Show | None) -> "asyncio.Future[Page]":
        running = self._making.get(name)
        if running is None:
            running = self._making[name] = detached(self._make(name, make, show))
            running.add_done_callback(lambda done: self._made(name, done))
        return running

    def _made(self, name: str, done: "asyncio.Future[Page]") -> None:
        if self._making.get(name) is done:  # nothing has changed meanwhile
            del self._making[name]
            if not done.cancelled() and done.exception() is None:
                page = done.result()
                size = len(page.content) + len(name) + PAGE_BYTES
                self._pages.put(name, page, size, HEARD if self.hears else 1, page.age)

    async def _make(self, name: str, make: Make, show: Show | None) -> Page:
        digest = hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
        leased = await self._shared.page(digest)
        if leased is None:
            return await make(self._freshness.may_read_pages(None))
        kept, altered = self._chronicle.read(leased)
        page = await self._altered(kept, altered, show) if kept is not None else None
        self.counts["redis", "miss" if page is None else "hit"] += 1
        if page is None:
            page = await make(self._freshness.may_read_pages(leased.quiet))
        if page is not kept:
            await self._shared.keep_page(digest, leased, page.encode(), page.age)
        return page

    async def _altered(self, page: Page, altered: set[int], show: Show | None) -> Page | None:
        """Return the page with these products as they are now; `None` if one is not on sale."""
        if not altered:
            return page
        found = await self.by_ids(altered)
        if show is None or len(found) < len(altered) or any(p.hidden for p in found.values()):
            return None
        return with_products(page, dict(zip(found, show(list(found.values())), strict=True)))


async def _or_last(coming: "asyncio.Future[T]", last: Entry[T] | None) -> T:
    """Return what is coming; the last known value if that takes long or fails."""
    done, _ = await asyncio.wait({coming}, timeout=None if last is None else PATIENCE_S)
    if last is not None and (not done or isinstance(coming.exception(), Unavailable)):
        return last.value
    return coming.result()
