"""What replicas tell each other of the catalogue through a real Redis, and without it."""

import asyncio
import os
import signal
import socket
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import redis

from pearshop.db.embedded import EmbeddedRedis
from pearshop.domain.stock import Left
from pearshop.http.caching import shared
from pearshop.http.caching.scope import Edit, Scope
from pearshop.http.caching.values import Shown
from pearshop.http.products import SALES_AT_ONCE, SALES_S
from tests.http.catalogue import (
    COUNTED,
    LATER,
    NOW,
    PEAR,
    Pages,
    Rows,
    content_of,
    costs,
    listening,
    make_products,
    price_of,
)
from tests.waiting import stopped, until


async def test_what_one_replica_loaded_spares_the_others_the_database(
    rows: Rows, redis_url: str
) -> None:
    here, there, pages = make_products(rows, redis_url), make_products(rows, redis_url), Pages()
    assert await price_of(here) == await price_of(there) == 100
    assert await content_of(here, pages) == await content_of(there, pages) == 1
    assert (rows.asked, pages.made) == ([[1]], 1)
    assert there.counts["redis", "hit"] == 2


async def test_a_change_is_heard_by_other_replicas(rows: Rows, redis_url: str) -> None:
    here, there, pages = make_products(rows, redis_url), make_products(rows, redis_url), Pages()
    async with listening(there):
        assert (await price_of(there), await content_of(there, pages)) == (100, 1)
        await here.changed(costs(1))

        async def is_new() -> bool:
            return (await price_of(there), await content_of(there, pages)) == (1, 2)

        await until(is_new)
    assert rows.asked == [[1]]  # the new one was written through Redis


async def test_other_replicas_keep_the_pages_that_a_change_does_not_concern(
    rows: Rows, redis_url: str
) -> None:
    here, there = make_products(rows, redis_url), make_products(rows, redis_url)
    shows_it, other = Pages(Scope((1,), steady=True)), Pages(Scope((7,), "B"))
    async with listening(there):
        for name, pages in (("it", shows_it), ("other", other)):
            await there.page(name, pages)
        await here.changed(costs(1)._replace(category="A"), Edit(["price"], NOW))

        async def is_new() -> bool:
            return (await there.page("it", shows_it)).content == b"2"

        await until(is_new)
        assert (await there.page("other", other)).content == b"1"


async def test_a_product_is_trusted_for_longer_while_notices_come_in(
    rows: Rows, redis_url: str
) -> None:
    deaf, hearing = (make_products(rows, redis_url, seconds=0.05, stale=60) for _ in range(2))
    async with listening(hearing):
        for each in (deaf, hearing):
            await each.on_sale(1)
        await asyncio.sleep(0.06)  # the time to live itself
        for each in (deaf, hearing):
            await each.on_sale(1)
    assert deaf.counts["memory", "stale"] == 1
    assert hearing.counts["memory", "hit"] == 1


async def test_a_sale_is_heard_by_other_replicas(rows: Rows, redis_url: str) -> None:
    here, there = make_products(rows, redis_url), make_products(rows, redis_url)
    rows.products[1] = COUNTED
    async with listening(there):
        await there.on_sale(1)
        await here.sold({1: Left(3, NOW)})

        async def is_new() -> bool:
            return (await there.on_sale(1)).product.stock == 3

        await until(is_new)
    assert rows.asked == [[1]]  # the notice says it all


async def test_redis_is_told_of_a_few_sales_before_their_orders_are_answered(
    rows: Rows, redis_url: str
) -> None:
    here, there = make_products(rows, redis_url), make_products(rows, redis_url)
    rows.products[1] = COUNTED
    for pieces in range(SALES_AT_ONCE, 0, -1):
        await there.on_sale(1)  # Redis has the stock from before the sale
        rows.products[1] = COUNTED._replace(stock=pieces)
        await here.sold({1: Left(pieces, NOW)})
        there = make_products(rows, redis_url)  # it knows only what Redis has
        assert (await there.on_sale(1)).product.stock == pieces


async def test_sales_gather_between_two_notices(
    rows: Rows, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = make_products(rows, redis_url), make_products(rows, redis_url)
    rows.products = {each: COUNTED._replace(id=each) for each in range(1, 41)}
    tell, told = here._shared.change, Counter[str]()

    async def counted(*args: Any, **kwargs: Any) -> bool:
        told["notices"] += 1
        return await tell(*args, **kwargs)

    monkeypatch.setattr(here._shared, "change", counted)
    async with listening(there):
        await there.by_ids(rows.products)
        began = time.monotonic()
        for pieces in range(8, 0, -1):
            for each in rows.products:
                await here.sold({each: Left(pieces, NOW)})
                await asyncio.sleep(0.001)

        async def are_new() -> bool:
            return {each.stock for each in (await there.by_ids(rows.products)).values()} == {1}

        await until(are_new)
    assert told["notices"] <= SALES_AT_ONCE + 2 + (time.monotonic() - began) / SALES_S
    assert rows.asked == [list(rows.products)]


async def test_a_load_that_a_change_overtook_is_not_shared(rows: Rows, redis_url: str) -> None:
    slow, quick, third = (make_products(rows, redis_url) for _ in range(3))
    pages = Pages()
    rows.gate.clear()
    pages.gate.clear()
    loading = [
        asyncio.create_task(price_of(slow)),
        asyncio.create_task(content_of(slow, pages)),
    ]
    await until(lambda: _is(bool(rows.asked and pages.made)))
    await quick.changed(costs(1))  # while the slow one, who does not hear it, has the old row
    rows.gate.set()
    pages.gate.set()
    assert [await each for each in loading] == [100, 1]
    assert await content_of(third, pages) == 2
    assert await price_of(third) == 1
    assert rows.asked == [[1]]


async def _is(value: bool) -> bool:
    return value


async def test_a_redis_that_hung_over_a_change_is_told_when_it_is_back(
    rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "PAUSE_S", 0.05)
    with EmbeddedRedis(tmp_path) as server:
        here, other, pages = (
            make_products(rows, server.url),
            make_products(rows, server.url),
            Pages(),
        )
        assert (await price_of(other), await content_of(other, pages)) == (100, 1)
        rows.products |= {1: PEAR._replace(price=1, stock=3)}
        with stopped(server.pid):
            await here.changed(costs(1))
            await here.sold({1: Left(3, NOW)})
            await here.pulse({1: LATER}, more=False)
        # Read from a Redis that is back and has not heard yet, as may be by chance.
        here._remember(1, Shown(PEAR))

        async def is_told() -> bool:
            await here.pulse({1: LATER}, more=False)
            third = make_products(rows, server.url)  # it has what Redis has, and nothing else
            return (await price_of(third), await content_of(third, pages)) == (1, 2)

        await until(is_told)
        assert await price_of(here) == 1


async def test_more_changes_than_can_be_told_make_all_in_redis_old(
    rows: Rows, redis_url: str
) -> None:
    here, other, pages = make_products(rows, redis_url), make_products(rows, redis_url), Pages()
    assert (await price_of(other), await content_of(other, pages)) == (100, 1)
    rows.products[1] = costs(1)
    await here.pulse({2: LATER}, more=True)
    third = make_products(rows, redis_url)
    assert (await price_of(third), await content_of(third, pages)) == (1, 2)
    assert await price_of(make_products(rows, redis_url)) == 1
    assert rows.asked == [[1], [1]]  # what was loaded anew is kept again


async def test_what_was_read_while_redis_was_told_is_not_kept(
    rows: Rows, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    products, pages = make_products(rows, redis_url), Pages()
    assert await content_of(products, pages) == 1
    told = products._shared.change

    async def slow(*args: Any, **kwargs: Any) -> bool:
        assert await content_of(products, pages) == 1  # Redis has not heard yet
        return await told(*args, **kwargs)

    monkeypatch.setattr(products._shared, "change", slow)
    await products.changed(costs(1))
    assert await content_of(products, pages) == 2


async def test_what_redis_garbled_is_loaded_anew(rows: Rows, redis_url: str) -> None:
    here, there, pages = make_products(rows, redis_url), make_products(rows, redis_url), Pages()
    await here.on_sale(1)
    await content_of(here, pages)
    connection = redis.from_url(redis_url)
    for key in connection.scan_iter("pearshop:*"):
        if connection.type(key) == b"hash":
            connection.hset(key, "value", "{")
        elif not key.endswith(b"pages"):
            connection.set(key, "{")
    assert await price_of(there) == 100
    assert await content_of(there, pages) == 2


async def test_a_redis_that_hangs_is_noticed(rows: Rows, tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        assert server.pid is not None
        products = make_products(rows, server.url)
        async with listening(products):
            os.kill(server.pid, signal.SIGSTOP)
            await until(lambda: _is(not products.hears))
            os.kill(server.pid, signal.SIGCONT)
            await until(lambda: _is(products.hears))


async def test_without_redis_answering_a_change_still_counts_here(rows: Rows) -> None:
    products = make_products(rows, "redis://127.0.0.1:1/0")
    await products.on_sale(1)
    await products.changed(costs(1))
    assert await price_of(products) == 1


async def test_a_redis_that_hangs_holds_up_no_one_twice(rows: Rows) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        products = make_products(rows, f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        await products.changed(costs(1))
        calls = products.counts.copy()
        assert await price_of(products) == 1
        await content_of(products, Pages())
        assert calls["redis", "miss"] == products.counts["redis", "miss"] == 0
        assert not products.hears
