"""Guessing at a password slows down; its owner comes in all the same."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import redis

from pearshop.db.embedded import EmbeddedRedis
from pearshop.errors import TooMany, Unauthenticated
from pearshop.http.limiting.shared import Shared
from pearshop.http.limiting.sign_in import (
    ALL_DELAYED,
    CALM,
    DELAYED,
    FAILURES,
    FAILURES_S,
    KNOWN_S,
    SignIns,
)
from tests.http.limiting.test_counts import Clock

HOME = "198.51.100.1"


class Door:
    """Sign-ins at a guard whose delays end when `gate` opens, and are written down."""

    def __init__(self, url: str = "", clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.delays: list[float] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.checked = asyncio.Event()
        self.checked.set()
        self.guard = SignIns(Shared(url, "secret"), self.clock, self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.delays.append(seconds)
        await self.gate.wait()

    async def knock(self, username: str, address: str, *, right: bool = False) -> str:
        """Return what came of one attempt: `in`, `wrong`, or the seconds to wait."""
        try:
            async with asyncio.timeout(20), self.guard.attempt(username, address):
                await self.checked.wait()  # as for a password to be hashed
                if not right:
                    raise Unauthenticated("wrong")
        except Unauthenticated:
            return "wrong"
        except TooMany as error:
            return str(error.extra["retry_after"])
        return "in"

    async def besiege(self, username: str, failures: int) -> None:
        """Fail so often, each time from another address."""
        for number in range(failures):
            assert await self.knock(username, f"203.0.113.{number}") == "wrong"


@pytest.fixture
def door() -> Door:
    return Door()


async def test_an_address_may_fail_so_often_and_then_waits(door: Door) -> None:
    told = [await door.knock("ada", HOME) for _ in range(FAILURES + 1)]
    assert told[:FAILURES] == ["wrong"] * FAILURES
    assert 1 <= int(told[-1]) <= FAILURES_S
    assert await door.knock("ada", HOME, right=True) != "in"  # or it could guess on
    assert await door.knock("ADA ", HOME) != "wrong"  # the same name
    assert await door.knock("ada", "198.51.100.2", right=True) == "in"
    assert await door.knock("eve", HOME) == "wrong"
    door.clock.now += int(told[-1])
    assert await door.knock("ada", HOME, right=True) == "in"


async def test_a_neighbour_at_the_owners_address_does_not_lock_them_out(door: Door) -> None:
    assert await door.knock("ada", HOME, right=True) == "in"
    for _ in range(FAILURES):
        assert await door.knock("ada", HOME) == "wrong"
    assert door.delays == []
    assert await door.knock("ada", HOME, right=True) == "in"  # late
    assert await door.knock("ada", HOME) == "wrong"
    assert door.delays == [2.0, 2.0]


async def test_a_burst_gets_no_more_guesses(redis_url: str) -> None:
    door = Door(redis_url)
    door.checked.clear()
    refused: set[asyncio.Task[str]] = set()
    burst = [asyncio.create_task(door.knock("ada", HOME)) for _ in range(20)]
    async with asyncio.timeout(20):
        while len(refused) < 20 - FAILURES:
            refused, _ = await asyncio.wait(burst, timeout=0.01)
    assert {each.result() for each in refused} == {"1"}
    door.checked.set()
    assert (await asyncio.gather(*burst)).count("wrong") == FAILURES


async def test_strangers_are_slowed_more_and_more_but_the_owner_is_not(door: Door) -> None:
    assert await door.knock("ada", HOME, right=True) == "in"
    await door.besiege("ada", CALM + 30)
    assert door.delays[0] == pytest.approx(0.1)
    assert door.delays[9] == pytest.approx(1.0)
    assert max(door.delays) == door.delays[-1] == 2.0
    door.delays.clear()
    assert await door.knock("ada", HOME, right=True) == "in"
    assert door.delays == []
    assert await door.knock("ada", "192.0.2.1", right=True) == "in"  # late, but in
    assert door.delays == [2.0]
    assert await door.knock("ada", "192.0.2.1", right=True) == "in"  # known from now on
    assert door.delays == [2.0]


async def test_few_wait_at_a_time_and_the_owner_is_not_among_them(door: Door) -> None:
    assert await door.knock("ada", HOME, right=True) == "in"
    await door.besiege("ada", CALM)
    door.gate.clear()
    waiting = [asyncio.create_task(door.knock("ada", f"192.0.2.{n}")) for n in range(DELAYED)]
    await _until_delayed(door, DELAYED)
    assert await door.knock("ada", "192.0.2.99", right=True) == "2"
    assert await door.knock("ada", HOME, right=True) == "in"
    assert await door.knock("bob", "192.0.2.99", right=True) == "in"
    door.gate.set()
    assert await asyncio.gather(*waiting) == ["wrong"] * DELAYED
    assert await door.knock("ada", "192.0.2.99", right=True) == "in"
    assert door.guard.refused == 1


async def test_few_wait_in_all(door: Door) -> None:
    names = [f"user {number}" for number in range(ALL_DELAYED // DELAYED + 1)]
    for name in names:
        await door.besiege(name, CALM)
    door.gate.clear()
    waiting = [
        asyncio.create_task(door.knock(name, f"192.0.2.{n}"))
        for name in names[:-1]
        for n in range(DELAYED)
    ]
    await _until_delayed(door, ALL_DELAYED)
    assert await door.knock(names[-1], HOME) == "2"
    assert await door.knock("nobody besieges me", HOME, right=True) == "in"
    door.gate.set()
    await asyncio.gather(*waiting)


async def _until_delayed(door: Door, number: int) -> None:
    async with asyncio.timeout(20):
        while len(door.delays) < number:
            await asyncio.sleep(0)


async def test_an_acquaintance_is_forgotten_after_thirty_days(door: Door) -> None:
    assert await door.knock("ada", HOME, right=True) == "in"
    door.clock.now += KNOWN_S
    await door.besiege("ada", CALM)
    assert await door.knock("ada", HOME, right=True) == "in"
    assert len(door.delays) == 1


async def test_nothing_is_left_of_attempts_that_ended(door: Door) -> None:
    await door.besiege("ada", CALM + 3)
    assert not door.guard._under_way
    assert not door.guard._delayed


@pytest.fixture
async def redis_url(tmp_path: Path) -> AsyncIterator[str]:
    with EmbeddedRedis(tmp_path) as server:
        yield server.url


async def test_replicas_share_failures_and_acquaintances(redis_url: str) -> None:
    clock = Clock()
    here, there = Door(redis_url, clock), Door(redis_url, clock)
    assert await here.knock("ada", HOME, right=True) == "in"
    for door in (here, there, here, there, here):
        assert await door.knock("ada", "192.0.2.1") == "wrong"
    assert await there.knock("ada", "192.0.2.1") not in {"wrong", "in"}
    await here.besiege("ada", CALM)
    assert await there.knock("ada", HOME, right=True) == "in"
    assert there.delays == []
    assert await there.knock("ada", "192.0.2.2", right=True) == "in"
    assert len(there.delays) == 1


async def test_redis_learns_no_names(redis_url: str) -> None:
    door = Door(redis_url)
    await door.knock("ada", HOME)
    await door.knock("ada", HOME, right=True)
    keys = redis.from_url(redis_url).keys()
    assert len(keys) == 3  # two counts of failures, one acquaintance
    assert not [key for key in keys if b"ada" in key or b"198.51" in key]
