"""What is too new for the replicas: who has written, and what staff have changed."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import redis

from pearshop.db.embedded import EmbeddedRedis
from pearshop.http.freshness import Freshness, Writers
from pearshop.settings import Settings
from tests.actors.fakes import Clock

BEHIND_S = 1.5
LIFE_S = 60.0
ADA, BEN = 1, 2


@pytest.fixture
def server(own_folder: Path, request: pytest.FixtureRequest) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(own_folder / request.node.name) as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


def freshness(clock: Clock, url: str = "") -> Freshness:
    writers = Writers(url, LIFE_S, monotonic=clock) if url else None
    return Freshness(BEHIND_S, writers, monotonic=clock, sleep=clock.sleep)


async def trusted(clock: Clock, *some: Freshness) -> None:
    for each in some:
        assert not await each.may_read_history(ADA)  # just connected: who knows what was before
    clock.now += LIFE_S
    for each in some:
        await until(lambda each=each: each.may_read_history(ADA))  # type: ignore[misc]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await holds():
            await asyncio.sleep(0.01)


async def write(fresh: Freshness, user: int) -> None:
    async with fresh.writing(user):
        pass


async def test_without_replicas_nothing_is_asked() -> None:
    fresh = Freshness.of(Settings(redis_url="redis://127.0.0.1:1/0"))
    assert not fresh.has_replicas
    assert not fresh.may_read_pages(None)
    assert not await fresh.may_read_history(ADA)
    await write(fresh, ADA)


def test_pages_are_the_primarys_for_a_while_after_a_change(clock: Clock) -> None:
    fresh = freshness(clock)
    assert fresh.may_read_pages(None)
    assert fresh.may_read_pages(BEHIND_S)
    assert not fresh.may_read_pages(BEHIND_S - 0.01)  # another replica has told Redis of one
    fresh.catalogue_changed()
    clock.now += BEHIND_S - 0.01
    assert not fresh.may_read_pages(None)
    assert not fresh.may_read_pages(BEHIND_S)
    clock.now += 0.02
    assert fresh.may_read_pages(None)


async def test_a_writer_is_known_to_all_and_nobody_else_is_one(
    server: EmbeddedRedis, clock: Clock
) -> None:
    here, there = freshness(clock, server.url), freshness(clock, server.url)
    await trusted(clock, here, there)
    before = clock.now
    await write(here, ADA)
    assert clock.now == before
    assert not await here.may_read_history(ADA)
    assert not await there.may_read_history(ADA)
    assert await there.may_read_history(BEN)
    with redis.Redis.from_url(server.url) as connection:
        assert 0 < connection.pttl("pearshop:wrote:1") <= LIFE_S * 1000
        connection.delete("pearshop:wrote:1")  # as when its time is over
    assert await there.may_read_history(ADA)


async def test_a_writer_is_known_before_the_write_ends(server: EmbeddedRedis, clock: Clock) -> None:
    here, there = freshness(clock, server.url), freshness(clock, server.url)
    await trusted(clock, here, there)
    async with here.writing(ADA):

        async def is_known() -> bool:
            return not await there.may_read_history(ADA)

        await until(is_known)


async def test_a_redis_that_was_started_anew_is_not_believed(
    server: EmbeddedRedis, clock: Clock
) -> None:
    fresh = freshness(clock, server.url)
    await trusted(clock, fresh)
    await write(fresh, ADA)
    server.stop()
    assert not await fresh.may_read_history(ADA)
    server.start()
    assert not await fresh.may_read_history(ADA)  # Redis has forgotten, but is too young to say so
    clock.now += LIFE_S
    await until(lambda: fresh.may_read_history(ADA))


async def test_while_redis_is_away_writers_wait_until_all_replicas_have_it(clock: Clock) -> None:
    fresh = freshness(clock, "redis://127.0.0.1:1/0")
    before = clock.now
    await write(fresh, ADA)
    assert clock.now == before + BEHIND_S
    assert not await fresh.may_read_history(ADA)


async def test_a_redis_that_hangs_holds_nobody_up_for_long(
    server: EmbeddedRedis, clock: Clock
) -> None:
    fresh = freshness(clock, server.url)
    await trusted(clock, fresh)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        before = clock.now
        assert not await fresh.may_read_history(ADA)
        await write(fresh, ADA)
        assert clock.now == before + BEHIND_S
    finally:
        os.kill(server.pid, signal.SIGCONT)
