"""A replica's memory of the catalogue: shared loads, a time to live, notices."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from pearshop.db.embedded import EmbeddedRedis
from pearshop.domain.product import Product
from pearshop.errors import NotFound, Unavailable
from pearshop.http.caching import shared
from pearshop.http.pages import Page
from pearshop.http.products import Products
from pearshop.settings import Settings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2026, 1, 2, tzinfo=UTC)
PEAR = Product(1, None, "Pear", 100, "", "", "", None, False, NOW, NOW)


class Rows:
    """A database that answers from a dict and counts how often it is asked."""

    def __init__(self) -> None:
        self.products = {1: PEAR, 2: replace(PEAR, id=2, hidden=True)}
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


def _products(rows: Rows, url: str = "", seconds: float = 60, stale: float = 0) -> Products:
    settings = Settings(
        redis_url=url, catalogue_memory_seconds=seconds, catalogue_stale_seconds=stale
    )
    return Products(rows, settings)


def _costs(price: int) -> Product:
    return replace(PEAR, price=price, updated_at=LATER)


async def _price(products: Products) -> int:
    return (await products.on_sale(1)).product.price


class Pages:
    """Makes pages that tell how many were made before."""

    def __init__(self) -> None:
        self.made = 0
        self.fails = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, may_lag: bool) -> Page:
        self.made += 1
        number = self.made
        await self.gate.wait()
        if self.fails:
            raise Unavailable("away")
        return Page(str(number).encode(), {"ETag": "x"})


async def _content(products: Products, make: Callable[[bool], Awaitable[Page]]) -> int:
    return int((await products.page("a", make)).content)


@pytest.fixture
def rows() -> Rows:
    return Rows()


async def test_many_who_miss_at_once_ask_once(rows: Rows) -> None:
    products = _products(rows)
    found = await asyncio.gather(*(products.on_sale(1) for _ in range(50)))
    assert {each.product for each in found} == {PEAR}
    assert rows.asked == [[1]]


async def test_the_products_of_a_page_of_orders_are_asked_for_together(rows: Rows) -> None:
    products = _products(rows)
    rows.products = {each: replace(PEAR, id=each) for each in range(1, 41)}
    pages = [range(1, 31), range(11, 41)]
    found = await asyncio.gather(*(products.by_ids(each) for each in pages))
    assert [list(each) for each in found] == [list(each) for each in pages]
    assert len(rows.asked) == 1


@pytest.mark.parametrize("product", [2, 3])
async def test_hidden_and_unknown_ones_are_not_on_sale(rows: Rows, product: int) -> None:
    with pytest.raises(NotFound):
        await _products(rows).on_sale(product)


async def test_a_change_is_seen_at_once_where_it_was_made(rows: Rows) -> None:
    products = _products(rows)
    await products.on_sale(1)
    await products.changed(_costs(1))
    assert await _price(products) == 1
    assert rows.asked == [[1]]  # what was written is known, and need not be read


async def test_stock_that_was_sold_is_looked_up_anew(rows: Rows) -> None:
    products = _products(rows)
    await products.on_sale(1)
    rows.products[1] = replace(PEAR, stock=3)
    products.sold([1])
    assert (await products.on_sale(1)).product.stock == 3


async def test_nothing_is_trusted_beyond_its_time(rows: Rows) -> None:
    products = _products(rows, seconds=0)
    await products.on_sale(1)
    await products.on_sale(1)
    assert rows.asked == [[1], [1]]


async def test_what_is_stale_serves_while_a_new_one_is_fetched(rows: Rows) -> None:
    products, pages = _products(rows, seconds=0, stale=60), Pages()
    await products.on_sale(1)
    assert await _content(products, pages) == 1
    rows.gate.clear()
    pages.gate.clear()
    rows.products[1] = _costs(1)
    assert await _price(products) == 100
    assert await _content(products, pages) == 1
    rows.gate.set()
    pages.gate.set()
    async with asyncio.timeout(20):
        while await _price(products) != 1 or await _content(products, pages) == 1:
            await asyncio.sleep(0)


async def test_a_failed_load_reaches_all_who_wait_and_is_tried_anew(rows: Rows) -> None:
    products = _products(rows)
    rows.fails = True
    results = await asyncio.gather(*(products.on_sale(1) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    rows.fails = False
    assert await _price(products) == 100


async def test_pages_are_made_once_and_anew_after_a_change(rows: Rows) -> None:
    products, pages = _products(rows), Pages()
    assert await asyncio.gather(*(_content(products, pages) for _ in range(5))) == [1] * 5
    await products.changed(_costs(1))
    assert await _content(products, pages) == 2


async def test_whoever_comes_after_a_change_does_not_join_an_older_load(rows: Rows) -> None:
    products, pages = _products(rows), Pages()
    pages.gate.clear()
    rows.gate.clear()
    before = [
        asyncio.create_task(_price(products)),
        asyncio.create_task(_content(products, pages)),
    ]
    async with asyncio.timeout(20):
        while not (rows.asked and pages.made):
            await asyncio.sleep(0)
    rows.products[1] = _costs(1)
    await products.pulse({1: LATER}, more=False)
    after = [
        asyncio.create_task(_price(products)),
        asyncio.create_task(_content(products, pages)),
    ]
    await asyncio.sleep(0)
    pages.gate.set()
    rows.gate.set()
    assert (await before[1], *[await each for each in after]) == (1, 1, 2)
    assert await _content(products, pages) == 2
    assert await _price(products) == 1


async def test_what_the_pulse_tells_counts_once(rows: Rows) -> None:
    products, pages = _products(rows), Pages()
    await _content(products, pages)
    for expected in (2, 2):
        await products.pulse({1: LATER}, more=False)
        assert await _content(products, pages) == expected


async def test_more_changes_than_can_be_told_put_everything_in_doubt(rows: Rows) -> None:
    products = _products(rows)
    await products.on_sale(1)
    rows.products[1] = _costs(1)
    await products.pulse({2: LATER}, more=True)
    assert await _price(products) == 1


async def test_while_the_database_is_away_the_last_answer_serves(rows: Rows) -> None:
    products, pages = _products(rows, seconds=0), Pages()
    await products.on_sale(1)
    assert await _content(products, pages) == 1
    rows.fails = pages.fails = True
    assert await _price(products) == 100
    assert await _content(products, pages) == 1
    rows.fails = False
    rows.products[1] = _costs(1)
    assert await _price(products) == 1


async def test_a_database_that_hangs_does_not_hide_what_is_known(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pearshop.http.products.PATIENCE_S", 0.01)
    products, pages = _products(rows, seconds=0), Pages()
    assert await _price(products) == 100
    assert await _content(products, pages) == 1
    rows.gate.clear()
    pages.gate.clear()
    assert await _price(products) == 100
    assert await _content(products, pages) == 1
    rows.gate.set()
    pages.gate.set()


async def test_layers_count_what_they_had(rows: Rows) -> None:
    products = _products(rows)
    await products.on_sale(1)
    await products.on_sale(1)
    assert +products.counts == {("memory", "miss"): 1, ("memory", "hit"): 1}


@pytest.fixture
async def redis_url(tmp_path: Path) -> AsyncIterator[str]:
    with EmbeddedRedis(tmp_path) as server:
        yield server.url


@asynccontextmanager
async def _listening(products: Products) -> AsyncIterator[None]:
    task = asyncio.create_task(products.listen())
    async with asyncio.timeout(20):
        while not products.hears:
            await asyncio.sleep(0.01)
    yield
    task.cancel()


async def _until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await is_so():
            await asyncio.sleep(0.01)


async def test_what_one_replica_loaded_spares_the_others_the_database(
    rows: Rows, redis_url: str
) -> None:
    here, there, pages = _products(rows, redis_url), _products(rows, redis_url), Pages()
    assert await _price(here) == await _price(there) == 100
    assert await _content(here, pages) == await _content(there, pages) == 1
    assert (rows.asked, pages.made) == ([[1]], 1)
    assert there.counts["redis", "hit"] == 2


async def test_a_change_is_heard_by_other_replicas(rows: Rows, redis_url: str) -> None:
    here, there, pages = _products(rows, redis_url), _products(rows, redis_url), Pages()
    async with _listening(there):
        assert (await _price(there), await _content(there, pages)) == (100, 1)
        await here.changed(_costs(1))

        async def is_new() -> bool:
            return (await _price(there), await _content(there, pages)) == (1, 2)

        await _until(is_new)
    assert rows.asked == [[1]]  # the new one was written through Redis


async def test_a_sale_is_heard_by_other_replicas(rows: Rows, redis_url: str) -> None:
    here, there = _products(rows, redis_url), _products(rows, redis_url)
    async with _listening(there):
        await there.on_sale(1)
        rows.products[1] = replace(PEAR, stock=3)
        here.sold([1])

        async def is_new() -> bool:
            return (await there.on_sale(1)).product.stock == 3

        await _until(is_new)


async def test_a_load_that_a_change_overtook_is_not_shared(rows: Rows, redis_url: str) -> None:
    slow, quick, third = (_products(rows, redis_url) for _ in range(3))
    pages = Pages()
    rows.gate.clear()
    pages.gate.clear()
    loading = [
        asyncio.create_task(_price(slow)),
        asyncio.create_task(_content(slow, pages)),
    ]
    await _until(lambda: _is(bool(rows.asked and pages.made)))
    await quick.changed(_costs(1))  # while the slow one, who does not hear it, has the old row
    rows.gate.set()
    pages.gate.set()
    assert [await each for each in loading] == [100, 1]
    assert await _content(third, pages) == 2
    assert await _price(third) == 1
    assert rows.asked == [[1]]


async def _is(value: bool) -> bool:
    return value


@asynccontextmanager
async def _stopped(server: EmbeddedRedis) -> AsyncIterator[None]:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


async def test_a_redis_that_hung_over_a_change_is_told_when_it_is_back(
    rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "PAUSE_S", 0.05)
    with EmbeddedRedis(tmp_path) as server:
        here, other, pages = _products(rows, server.url), _products(rows, server.url), Pages()
        assert (await _price(other), await _content(other, pages)) == (100, 1)
        rows.products |= {1: replace(PEAR, price=1, stock=3)}
        async with _stopped(server):
            await here.changed(_costs(1))
            here.sold([1])
            await here.pulse({1: LATER}, more=False)

        async def is_told() -> bool:
            await here.pulse({1: LATER}, more=False)
            third = _products(rows, server.url)  # it has what Redis has, and nothing else
            return (await _price(third), await _content(third, pages)) == (1, 2)

        await _until(is_told)


async def test_more_changes_than_can_be_told_make_all_in_redis_old(
    rows: Rows, redis_url: str
) -> None:
    here, other, pages = _products(rows, redis_url), _products(rows, redis_url), Pages()
    assert (await _price(other), await _content(other, pages)) == (100, 1)
    rows.products[1] = _costs(1)
    await here.pulse({2: LATER}, more=True)
    third = _products(rows, redis_url)
    assert (await _price(third), await _content(third, pages)) == (1, 2)
    assert await _price(_products(rows, redis_url)) == 1
    assert rows.asked == [[1], [1]]  # what was loaded anew is kept again


async def test_what_was_read_while_redis_was_told_is_not_kept(rows: Rows, redis_url: str) -> None:
    products, pages = _products(rows, redis_url), Pages()
    assert await _content(products, pages) == 1
    told = products._shared.change

    async def slow(*args: Any, **kwargs: Any) -> bool:
        assert await _content(products, pages) == 1  # Redis has not heard yet
        return await told(*args, **kwargs)

    products._shared.change = slow  # type: ignore[method-assign]
    await products.changed(_costs(1))
    assert await _content(products, pages) == 2


async def test_a_product_that_was_not_there_is_looked_for_again(rows: Rows) -> None:
    products = _products(rows, seconds=60, stale=60)
    with pytest.raises(NotFound):
        await products.on_sale(3)
    rows.products[3] = replace(PEAR, id=3)
    assert list(await products.by_ids([1, 3])) == [1, 3]
    assert (await products.on_sale(3)).product.id == 3


async def test_nothing_found_has_its_size_too(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pearshop.http.products.MAX_PAGE_BYTES", 100_000)
    products = _products(rows)

    async def nothing(_: bool) -> Page:
        return Page(b"[]", {"ETag": "x"})

    for number in range(100):
        await products.page(f"product?search={number}", nothing)
    assert len(products._pages) < 25


async def test_what_redis_garbled_is_loaded_anew(rows: Rows, redis_url: str) -> None:
    here, there, pages = _products(rows, redis_url), _products(rows, redis_url), Pages()
    await here.on_sale(1)
    await _content(here, pages)
    connection = redis.from_url(redis_url)
    for key in connection.scan_iter("pearshop:*"):
        if connection.type(key) == b"hash":
            connection.hset(key, "value", "{")
        elif not key.endswith(b"pages"):
            connection.set(key, "{")
    assert await _price(there) == 100
    assert await _content(there, pages) == 2


async def test_a_redis_that_hangs_is_noticed(rows: Rows, tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        assert server.pid is not None
        products = _products(rows, server.url)
        async with _listening(products):
            os.kill(server.pid, signal.SIGSTOP)
            await _until(lambda: _is(not products.hears))
            os.kill(server.pid, signal.SIGCONT)
            await _until(lambda: _is(products.hears))


async def test_without_redis_answering_a_change_still_counts_here(rows: Rows) -> None:
    products = _products(rows, "redis://127.0.0.1:1/0")
    await products.on_sale(1)
    await products.changed(_costs(1))
    assert await _price(products) == 1


async def test_a_redis_that_hangs_holds_up_no_one_twice(rows: Rows) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        products = _products(rows, f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        await products.changed(_costs(1))
        calls = products.counts.copy()
        assert await _price(products) == 1
        await _content(products, Pages())
        assert calls["redis", "miss"] == products.counts["redis", "miss"] == 0
        assert not products.hears
