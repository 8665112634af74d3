"""The load against a shop in memory over real HTTP: whatever befalls it, its record is true."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain, cycle, repeat

import aiohttp
import pytest
from aiohttp.test_utils import TestServer, unused_port

from loadtests.reconcile import Baseline
from tests.faults import client, shoppers
from tests.faults.fake_shop import (
    BARE,
    BUSY,
    EXPIRED,
    GARBLED,
    GATEWAY,
    HANG,
    LOST,
    OK,
    FakeShop,
)
from tests.faults.history import Add, Change, History, Order, Outcome, Read, Remove, SignIn
from tests.faults.linearizable import check
from tests.faults.shoppers import Load

BEFORE = Baseline(0, 0, 0, {}, {})
PRODUCTS = (1, 2, 3)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shoppers, "PAUSE_S", 0.001)
    monkeypatch.setattr(client, "FIRST_PAUSE_S", 0.001)


@pytest.fixture
def shop() -> FakeShop:
    return FakeShop()


@asynccontextmanager
async def loaded(shop: FakeShop, more: int = 0) -> AsyncIterator[Load]:
    """A load of three shoppers until each has `more` acknowledgements."""
    async with TestServer(shop.app()) as server:
        load = Load(str(server.make_url("/")), BEFORE, PRODUCTS, shoppers=3, seed=1)
        await asyncio.to_thread(load.start)
        if more:
            await asyncio.to_thread(load.await_acknowledged, more)
        yield load
        await asyncio.to_thread(load.stop)


async def record(shop: FakeShop, more: int = 40) -> History:
    async with loaded(shop, more) as load:
        pass
    return load.history


def assert_true(history: History, shop: FakeShop) -> None:
    """What was recorded must explain what the shop holds."""
    for number, name in enumerate(shop.carts, 1):
        mine = [each for each in history.operations if each.shopper == name]
        verdict = check(mine, number)
        assert verdict.problem == ""
        assert shop.carts[name] in verdict.finals
    placed = [each.answer for each in history.operations if isinstance(each.request, Order)]
    assert sum(answer is not None for answer in placed) == len(shop.orders)


async def test_shoppers_do_everything_on_two_devices_at_once(shop: FakeShop) -> None:
    history = await record(shop)
    assert_true(history, shop)
    kinds = Counter(type(each.request) for each in history.operations)
    assert set(kinds) == {Add, Change, Remove, Read, Order, SignIn}
    assert {each.device for each in history.operations} == {0, 1}
    assert history.shoppers() == sorted(shop.carts)
    keys = [each.key for each in history.operations]
    assert len(set(keys)) == len(keys)
    ends = [each.outcome for each in history.operations]
    assert set(ends) <= {Outcome.ACKNOWLEDGED, Outcome.REFUSED}
    counts = history.counts()
    assert counts.acknowledged >= 120
    assert (counts.failed_cleanly, counts.retried) == (0, 0)
    assert history.improper() == []


async def test_the_same_cart_meets_two_devices(shop: FakeShop) -> None:
    operations = (await record(shop)).operations
    assert any(
        one.shopper == other.shopper and one.interval[0] < other.interval[0] < one.interval[1]
        for one in operations
        for other in operations
    )


async def test_a_request_that_fails_is_repeated_under_its_key(shop: FakeShop) -> None:
    shop.faults = cycle([OK, BUSY, OK, LOST, LOST])
    history = await record(shop)
    assert_true(history, shop)
    assert shop.repeats > 0
    counts = history.counts()
    assert counts.retried == counts.failed_cleanly > 0
    assert counts.recovery_s > 0
    assert history.improper() == []


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        (BARE, "503 without Retry-After or safe_to_repeat"),
        (GATEWAY, "502"),
        (GARBLED, "201, unreadable"),
    ],
)
async def test_improper_answers_are_noted_and_outlived(
    shop: FakeShop, fault: int, problem: str
) -> None:
    shop.faults = cycle([OK, OK, fault])
    history = await record(shop)
    assert_true(history, shop)
    assert any(sentence.endswith(problem) for sentence in history.improper())
    assert history.counts().failed_cleanly == 0


async def test_a_request_that_hangs_is_noted_and_repeated(
    shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "TIMEOUT", aiohttp.ClientTimeout(total=0.5))
    shop.faults = chain([OK, HANG], repeat(OK))
    history = await record(shop, 5)
    assert_true(history, shop)
    assert any("took" in sentence for sentence in history.improper(slow_s=0.5))


async def test_an_access_token_is_renewed_when_it_has_expired(shop: FakeShop) -> None:
    shop.faults = chain(repeat(OK, 20), [EXPIRED], repeat(OK, 20), [EXPIRED], repeat(OK))
    history = await record(shop)
    assert_true(history, shop)
    assert shop.renewals == 2
    assert history.counts().retried == 0
    assert history.improper() == []


async def test_signing_in_outlives_faults(shop: FakeShop) -> None:
    shop.sign_in_faults = cycle([LOST, BUSY, OK])
    assert_true(await record(shop, 5), shop)


async def test_what_is_never_answered_is_unknown(
    shop: FakeShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with loaded(shop, 5) as load:
        monkeypatch.setattr(client, "PATIENCE_S", 0.05)
        shop.faults = cycle([LOST, BUSY])
        while sum(each.outcome is Outcome.FAILED for each in load.history.operations) < 10:
            await asyncio.sleep(0.01)
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(load.await_acknowledged, 999, 0.01)
    unknown = [each for each in load.history.operations if each.outcome is Outcome.UNKNOWN]
    assert unknown
    assert all(each.ended is None for each in unknown)
    assert load.history.counts().recovery_s >= 0.04
    assert all(
        check([each for each in load.history.operations if each.shopper == name], number).ok
        for number, name in enumerate(shop.carts, 1)
    )


async def test_a_shop_that_nobody_can_enter_stops_the_load(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", 0.05)
    load = Load(f"http://127.0.0.1:{unused_port()}", BEFORE, PRODUCTS, shoppers=1)
    with pytest.raises(ExceptionGroup) as stopped:
        await asyncio.to_thread(load.start)
    assert stopped.group_contains(RuntimeError, match="cannot sign in")
    assert {each.outcome for each in load.history.operations} == {Outcome.FAILED}


async def test_a_cart_can_be_read_afterwards(shop: FakeShop) -> None:
    async with loaded(shop, 5) as load:
        await asyncio.to_thread(load.stop)
        for name, cart in shop.carts.items():
            hot = await asyncio.to_thread(load.read_cart, name)
            assert hot == {line.id: line for line in cart.lines}
        shop.faults = repeat(EXPIRED)
        with pytest.raises(RuntimeError, match="cannot be read"):
            await asyncio.to_thread(load.read_cart, name)
