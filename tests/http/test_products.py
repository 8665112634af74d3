"""A replica's memory of the catalogue: shared loads, a time to live, notices."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pearshop.db.embedded import EmbeddedRedis
from pearshop.domain.product import Product
from pearshop.errors import NotFound, Unavailable
from pearshop.http.products import Products

NOW = datetime(2026, 1, 1, tzinfo=UTC)
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


@pytest.fixture
def rows() -> Rows:
    return Rows()


async def test_many_who_miss_at_once_ask_once(rows: Rows) -> None:
    products = Products(rows, 60)
    found = await asyncio.gather(*(products.on_sale(1) for _ in range(50)))
    assert set(found) == {PEAR}
    assert rows.asked == [[1]]


@pytest.mark.parametrize("product", [2, 3])
async def test_hidden_and_unknown_ones_are_not_on_sale(rows: Rows, product: int) -> None:
    with pytest.raises(NotFound):
        await Products(rows, 60).on_sale(product)


async def test_a_change_is_seen_at_once_where_it_was_made(rows: Rows) -> None:
    products = Products(rows, 60)
    await products.on_sale(1)
    rows.products[1] = replace(PEAR, price=1)
    assert (await products.on_sale(1)).price == 100
    products.changed([1])
    assert (await products.on_sale(1)).price == 1


async def test_nothing_is_trusted_beyond_its_time(rows: Rows) -> None:
    products = Products(rows, 0)
    await products.on_sale(1)
    await products.on_sale(1)
    assert rows.asked == [[1], [1]]


async def test_a_failed_load_reaches_all_who_wait_and_is_tried_anew(rows: Rows) -> None:
    products = Products(rows, 60)
    rows.fails = True
    results = await asyncio.gather(*(products.on_sale(1) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(result, Unavailable) for result in results)
    rows.fails = False
    assert await products.on_sale(1) == PEAR


async def test_pages_are_made_once_and_dropped_on_a_change(rows: Rows) -> None:
    products = Products(rows, 60)
    made: list[int] = []

    async def make() -> int:
        await asyncio.sleep(0)
        made.append(1)
        return len(made)

    assert await asyncio.gather(*(products.page("a", make) for _ in range(5))) == [1] * 5
    products.changed([1])
    assert await products.page("a", make) == 2


@pytest.fixture
async def redis_url(tmp_path: Path) -> AsyncIterator[str]:
    with EmbeddedRedis(tmp_path) as server:
        yield server.url


async def test_a_change_is_heard_by_other_replicas(rows: Rows, redis_url: str) -> None:
    here, there = Products(rows, 60, redis_url), Products(rows, 60, redis_url)
    listening = asyncio.create_task(there.listen())
    async with asyncio.timeout(20):
        while (await here._redis.pubsub_numsub("pearshop:products"))[0][1] == 0:  # type: ignore[union-attr]
            await asyncio.sleep(0.01)
        assert (await there.on_sale(1)).price == 100
        rows.products[1] = replace(PEAR, price=1)
        here.changed([1])
        while (await there.on_sale(1)).price != 1:
            await asyncio.sleep(0.01)
    listening.cancel()


async def test_a_redis_that_hangs_is_noticed(rows: Rows, tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        assert server.pid is not None
        products = Products(rows, 60, server.url)
        listening = asyncio.create_task(products.listen())
        async with asyncio.timeout(20):
            while not products.hears:
                await asyncio.sleep(0.01)
            os.kill(server.pid, signal.SIGSTOP)
            while products.hears:
                await asyncio.sleep(0.01)
            os.kill(server.pid, signal.SIGCONT)
            while not products.hears:
                await asyncio.sleep(0.01)
        listening.cancel()


async def test_without_redis_answering_a_change_still_counts_here(rows: Rows) -> None:
    products = Products(rows, 60, "redis://127.0.0.1:1/0")
    await products.on_sale(1)
    rows.products[1] = replace(PEAR, price=1)
    products.changed([1])
    assert (await products.on_sale(1)).price == 1


async def test_while_the_database_is_away_the_last_answer_serves(rows: Rows) -> None:
    products = Products(rows, 0)

    async def make() -> int:
        await products.on_sale(1)
        if rows.fails:
            raise Unavailable("away")
        return 7

    assert await products.page("a", make) == 7
    rows.fails = True
    assert await products.on_sale(1) == PEAR
    assert await products.page("a", make) == 7
    rows.fails = False
    rows.products[1] = replace(PEAR, price=1)
    assert (await products.on_sale(1)).price == 1


async def test_a_redis_that_hangs_holds_up_no_one(rows: Rows) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        products = Products(rows, 60, f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        products.changed([1])  # not awaited: there is nothing to wait for
        assert not products.hears


async def test_a_database_that_hangs_does_not_hide_what_is_known(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pearshop.http.products.PATIENCE_S", 0.01)
    products = Products(rows, 0)

    async def make() -> int:
        await rows.gate.wait()
        return 7

    assert await products.on_sale(1) == PEAR
    assert await products.page("a", make) == 7
    rows.gate.clear()
    assert await products.on_sale(1) == PEAR
    assert await products.page("a", make) == 7
    rows.gate.set()


async def test_what_was_loaded_during_a_change_is_kept_for_want_of_better(rows: Rows) -> None:
    products = Products(rows, 60)
    rows.gate.clear()
    loading = asyncio.create_task(products.on_sale(1))
    while not rows.asked:
        await asyncio.sleep(0)
    products.changed([2])
    rows.gate.set()
    assert await loading == PEAR
    rows.fails = True
    assert await products.on_sale(1) == PEAR
    assert rows.asked == [[1], [1]]
