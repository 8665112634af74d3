"""Streams of events: what is sent, how often, for how long, to how many."""

from collections.abc import AsyncIterator
from typing import cast

import pytest
from starlette.requests import Request

from pearshop.errors import Forbidden, TooMany, Unavailable
from pearshop.http.members import PLACE
from pearshop.http.streams import BEAT_S, LIFE_S, OF_ALL, OF_USER, Event, Streams


class Clock:
    """Passes as streams sleep."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Place:
    """Counts how often it was left."""

    left = 0

    def leave(self) -> None:
        self.left += 1


class Source:
    """Tells of version 1 at once and of version 2 after ten seconds."""

    def __init__(self, clock: Clock, error: Exception | None = None) -> None:
        self.clock = clock
        self.error = error

    async def look(self, known: int) -> Event | None:
        now = 1 if self.clock.now < 10 else 2
        if self.error is not None and now == 2:
            raise self.error
        return None if known >= now else Event(now, b"{}")


def request(place: Place | None = None, **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw, PLACE: place or Place()})


async def sent(streams: Streams, asked: Request, source: Source) -> list[bytes]:
    answer = await streams.answer(asked, 7, "cart", source.look)
    return [cast("bytes", each) async for each in answer.body_iterator]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def streams(clock: Clock) -> Streams:
    return Streams(clock, clock.sleep)


async def test_each_event_comes_once_and_silence_is_broken(streams: Streams, clock: Clock) -> None:
    told = await sent(streams, request(), Source(clock))
    assert told[1] == b"id: 1\nevent: cart\ndata: {}\n\n"
    assert sum(each.startswith(b"id: 2\n") for each in told) == 1
    assert len(told) <= 3 + LIFE_S / BEAT_S + 1
    assert LIFE_S <= clock.now < LIFE_S + 1


async def test_what_was_seen_is_not_sent_again(streams: Streams, clock: Clock) -> None:
    told = await sent(streams, request(last_event_id="1"), Source(clock))
    assert [each for each in told if each.startswith(b"id: ")] == [
        b"id: 2\nevent: cart\ndata: {}\n\n"
    ]


async def test_it_ends_when_nothing_can_be_known(streams: Streams, clock: Clock) -> None:
    await sent(streams, request(), Source(clock, Unavailable("away")))
    assert clock.now < LIFE_S


async def test_whoever_may_not_see_it_is_told_so_at_once(streams: Streams, clock: Clock) -> None:
    async def refuse(_: int) -> Event | None:
        raise Forbidden("No.")

    with pytest.raises(Forbidden):
        await streams.answer(request(), 7, "cart", refuse)


async def test_it_takes_no_place_of_those_that_work(streams: Streams, clock: Clock) -> None:
    place = Place()
    await streams.answer(request(place), 7, "cart", Source(clock).look)
    assert place.left == 1


async def test_a_user_has_few_and_who_ends_one_may_open_another(
    streams: Streams, clock: Clock
) -> None:
    source, opened = Source(clock), []
    for _ in range(OF_USER):
        answer = await streams.answer(request(), 7, "cart", source.look)
        opened.append(cast("AsyncIterator[bytes]", answer.body_iterator))
        await anext(opened[-1])
    with pytest.raises(TooMany):
        await streams.answer(request(), 7, "cart", source.look)
    await streams.answer(request(), 8, "cart", source.look)
    await opened[0].aclose()  # type: ignore[attr-defined]
    await streams.answer(request(), 7, "cart", source.look)


async def test_a_replica_has_not_too_many(streams: Streams, clock: Clock) -> None:
    source, opened = Source(clock), []
    for user in range(OF_ALL):
        answer = await streams.answer(request(), user, "cart", source.look)
        opened.append(cast("AsyncIterator[bytes]", answer.body_iterator))
        await anext(opened[-1])
    with pytest.raises(TooMany):
        await streams.answer(request(), OF_ALL, "cart", source.look)
