"""What is sent again, how long it takes, and what is raised in the end."""

import time
from typing import Any

import pytest

from pearshop.client import Client, Transport
from pearshop.client.problem import fields_of
from pearshop.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Overtaken,
    Refused,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from tests.client.scripted import Answer, problem, scripted

SHOP = {"currency": "GBP", "currency_exponent": 2}
PRODUCT = {
    "id": 1,
    "name": "Pear",
    "price": 250,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "a member of tomorrow": True,
}
BUSY = problem(503, "unavailable", safe_to_repeat=True, retry_after=0)
UNKNOWN = problem(503, "unavailable", safe_to_repeat=False, retry_after=0)
GONE = Answer(hang_up=True)
MADE = Answer(201, PRODUCT, {"ETag": '"1-u"'})


async def test_what_is_read_is_asked_for_again() -> None:
    with scripted(BUSY, GONE, Answer(200, SHOP)) as server:
        async with Transport(server.url) as transport:
            facts = await Client(transport).shop.facts()
    assert (facts.currency, facts.currency_exponent) == ("GBP", 2)
    assert len(server.asked) == 3


@pytest.mark.parametrize("last", [UNKNOWN, GONE])
async def test_what_may_have_been_done_is_not_sent_again(last: Answer) -> None:
    with scripted(last, MADE) as server:
        async with Transport(server.url) as transport:
            with pytest.raises(Unavailable) as raised:
                await Client(transport).products.create({"name": "Pear", "price": 250})
    assert raised.value.unknown
    assert len(server.asked) == 1


@pytest.mark.parametrize("first", [BUSY, problem(429, "too_many", retry_after=0)])
async def test_what_the_shop_says_was_not_done_is_sent_again(first: Answer) -> None:
    with scripted(first, MADE) as server:
        async with Transport(server.url) as transport:
            made = await Client(transport).products.create({"name": "Pear", "price": 250})
    assert made.id == 1
    assert [each.body for each in server.asked] == [{"name": "Pear", "price": 250}] * 2


@pytest.mark.parametrize(("tag", "times"), [(None, 2), ('"1-u"', 1)])
async def test_a_change_is_repeated_unless_a_repeat_would_meet_itself(
    tag: str | None, times: int
) -> None:
    with scripted(GONE, MADE) as server:
        async with Transport(server.url) as transport:
            change = Client(transport).products.change(1, {"price": 260}, tag)
            if tag is None:
                await change
            else:
                with pytest.raises(Unavailable):
                    await change
    assert len(server.asked) == times
    assert server.asked[0].headers.get("if-match") == tag


async def test_it_gives_up_after_four_attempts() -> None:
    with scripted(BUSY) as server:
        async with Transport(server.url) as transport:
            with pytest.raises(Unavailable, match=r"It is unavailable\."):
                await Client(transport).shop.facts()
    assert len(server.asked) == 4


async def test_it_waits_as_long_as_it_is_asked_to_and_no_longer_than_it_may() -> None:
    with scripted(problem(429, "too_many", retry_after=1), Answer(200, SHOP)) as server:
        async with Transport(server.url) as transport:
            began = time.monotonic()
            await Client(transport).shop.facts()
            assert time.monotonic() - began >= 1
        server.answers[:] = [problem(429, "too_many", retry_after=60)]
        async with Transport(server.url, timeout=2) as transport:
            began = time.monotonic()
            with pytest.raises(TooMany):
                await Client(transport).shop.facts()
            assert time.monotonic() - began < 1


async def test_a_silent_shop_is_given_up_in_time() -> None:
    def slowly(_: object) -> None:
        time.sleep(1.5)

    with scripted(Answer(200, SHOP), listen=slowly) as server:
        async with Transport(server.url, timeout=0.3) as transport:
            began = time.monotonic()
            with pytest.raises(Unavailable, match="did not answer in time"):
                await Client(transport).shop.facts()
            assert time.monotonic() - began < 1


async def test_a_shop_that_is_not_there_cannot_be_reached() -> None:
    with scripted() as server:
        url = server.url
    async with Transport(url, timeout=1) as transport:
        with pytest.raises(Unavailable, match="cannot be reached") as raised:
            await Client(transport).products.create({})
    assert not raised.value.unknown


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Invalid),
        (401, Unauthenticated),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (412, Overtaken),
        (415, Refused),
    ],
)
async def test_what_the_shop_refuses_is_raised_as_it_raised_it(
    status: int, kind: type[Refused]
) -> None:
    extra: dict[str, Any] = {"price": ["must be a number."], "current": {"id": 1}}
    with scripted(problem(status, "some_code", **extra)) as server:
        async with Transport(server.url) as transport:
            with pytest.raises(kind) as raised:
                await Client(transport).products.get(1)
    assert type(raised.value) is kind
    assert (raised.value.detail, raised.value.code) == ("It is some_code.", "some_code")
    assert raised.value.extra == extra
    assert fields_of(raised.value) == {"price": "must be a number."}


async def test_an_answer_that_is_not_the_shops_is_no_refusal() -> None:
    with scripted(Answer(502, "<html>")) as server:
        async with Transport(server.url) as transport:
            with pytest.raises(Unavailable, match="answered 502"):
                await Client(transport).products.get(1)
