"""Replicas that count together through a real Redis, and without it while it is away."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis

from pearshop.db.embedded import EmbeddedRedis
from pearshop.http.limiting import shared as layer
from pearshop.http.limiting.counts import Counts
from pearshop.http.limiting.rates import Rate
from pearshop.http.limiting.shared import Shared
from tests.http.limiting.test_counts import Clock
from tests.waiting import stopped, until

SMALL = Rate("sign-in", 5, 60)
LARGE = Rate("address", 500, 60)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path) as running:
        yield running


def _replicas(rate: Rate, url: str) -> tuple[Counts, Counts]:
    clock = Clock()
    return Counts(rate, Shared(url, "secret"), clock), Counts(rate, Shared(url, "secret"), clock)


async def test_two_replicas_share_a_small_limit_to_the_request(server: EmbeddedRedis) -> None:
    here, there = _replicas(SMALL, server.url)
    left = [(await each.hit_shared("a")).left for _ in range(3) for each in (here, there)]
    assert left == [4, 3, 2, 1, 0, -1]


async def test_many_at_once_are_counted_once_each(server: EmbeddedRedis) -> None:
    here, there = _replicas(SMALL, server.url)
    both = (each.hit_shared("a") for _ in range(10) for each in (here, there))
    assert sum(standing.left >= 0 for standing in await asyncio.gather(*both)) == 5


async def test_a_large_limit_is_shared_to_a_fiftieth(server: EmbeddedRedis) -> None:
    here, there = _replicas(LARGE, server.url)
    taken = 0
    while (passed := [here.hit("a").left >= 0, there.hit("a").left >= 0]) != [False, False]:
        taken += sum(passed)
        while any(each.on_way for counts in (here, there) for each in counts._windows.values()):
            await asyncio.sleep(0)  # until Redis has heard
    assert LARGE.amount <= taken <= LARGE.amount * 1.04


async def test_who_asks_little_costs_redis_nothing(server: EmbeddedRedis) -> None:
    here, _ = _replicas(LARGE, server.url)
    for _ in range(LARGE.amount // 50 - 1):
        here.hit("a")
    await asyncio.sleep(0)
    connection = redis.from_url(server.url)
    assert connection.keys() == []
    here.hit("a")
    await until(lambda: _is(bool(connection.keys())))


async def test_a_new_window_begins_in_redis_too(server: EmbeddedRedis) -> None:
    clock = Clock()
    here = Counts(SMALL, Shared(server.url, "secret"), clock)
    for _ in range(6):
        await here.hit_shared("a")
    clock.now += 60
    assert (await here.hit_shared("a")).left == 4


async def test_what_redis_keeps_ends_and_tells_no_addresses(server: EmbeddedRedis) -> None:
    here, _ = _replicas(SMALL, server.url)
    await here.hit_shared("203.0.113.9")
    connection = redis.from_url(server.url)
    [key] = connection.scan_iter()
    assert b"203.0" not in key
    assert 0 < connection.ttl(key) <= SMALL.seconds


async def test_a_redis_that_hangs_holds_up_one_request_and_limits_hold(
    server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer, "PAUSE_S", 3600.0)  # nobody may ask it a second time
    monkeypatch.setattr(layer, "TIMEOUT_S", 0.1)
    here, there = _replicas(SMALL, server.url)
    await here.hit_shared("a")
    with stopped(server.pid):
        async with asyncio.timeout(5):
            left = [(await here.hit_shared("a")).left for _ in range(6)]
        assert left == [3, 2, 1, 0, -1, -1]
        assert not here._shared.is_there
    assert (await there.hit_shared("a")).left >= 0


async def test_a_redis_that_came_back_hears_what_it_missed(
    server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer, "PAUSE_S", 0.05)
    monkeypatch.setattr(layer, "TIMEOUT_S", 0.05)
    here, there = _replicas(Rate("sign-in", 1_000, 60), server.url)
    with stopped(server.pid):
        for _ in range(3):
            await here.hit_shared("a")

    async def is_told() -> bool:
        await here.hit_shared("a")
        return (await there.look("a")).left < 1_000 - 3

    await until(is_told)
    assert here._shared.is_there


async def test_without_redis_a_large_limit_holds_in_each_replica() -> None:
    here, there = _replicas(LARGE, "redis://127.0.0.1:1/0")
    for replica in (here, there):
        passed = 0
        while replica.hit("a").left >= 0:
            passed += 1
            await asyncio.sleep(0)
        assert passed == LARGE.amount


async def _is(value: bool) -> bool:
    return value
