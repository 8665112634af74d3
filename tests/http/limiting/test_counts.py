"""Windows of one replica, by a clock that stands still until it is set."""

import dataclasses

import pytest

from pearshop.http.limiting.counts import Counts
from pearshop.http.limiting.rates import Rate
from pearshop.http.limiting.shared import Shared

RATE = Rate("address", 5, 60)


@dataclasses.dataclass
class Clock:
    """Seconds since 1970, as told."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counts(clock: Clock) -> Counts:
    return Counts(RATE, Shared("", "secret"), clock)


def test_what_is_left_goes_down_to_refusal_and_no_further(counts: Counts) -> None:
    assert [counts.hit("a").left for _ in range(7)] == [4, 3, 2, 1, 0, -1, -1]
    assert counts.hit("b").left == 4


def test_a_window_rolls_over_when_it_said(counts: Counts, clock: Clock) -> None:
    first = [counts.hit("a") for _ in range(6)][-1]
    assert 1 <= first.seconds <= 60
    clock.now += first.seconds - 1
    assert counts.hit("a").left == -1
    clock.now += 1
    assert counts.hit("a") == (RATE, 4, 60)
    clock.now += 59.5
    assert counts.hit("a") == (RATE, 3, 1)


async def test_the_strict_count_is_the_same_without_redis(counts: Counts, clock: Clock) -> None:
    assert [(await counts.hit_shared("a")).left for _ in range(6)] == [4, 3, 2, 1, 0, -1]
    clock.now += 60
    assert (await counts.hit_shared("a")).left == 4


async def test_looking_does_not_count(counts: Counts) -> None:
    await counts.add("a")
    assert [(await counts.look("a")).left for _ in range(9)] == [4] * 9


def test_windows_do_not_all_end_at_once(counts: Counts) -> None:
    assert len({counts.hit(f"client {number}").seconds for number in range(50)}) > 10


def test_memory_is_bounded_and_the_oldest_window_goes(clock: Clock) -> None:
    counts = Counts(RATE, Shared("", "secret"), clock, most=3)
    for key in "abc":
        counts.hit(key)
    clock.now += 60
    counts.hit("a")  # its window is the newest now
    for key in "de":
        counts.hit(key)
    assert len(counts) == 3
    assert counts.hit("a").left == 3


def test_headers_say_it_as_structured_fields(counts: Counts) -> None:
    standing = counts.hit("a")
    assert standing.headers() == [
        (b"ratelimit-policy", b'"address";q=5;w=60'),
        (b"ratelimit", b'"address";r=4;t=%d' % standing.seconds),
    ]


def test_names_hide_what_they_stand_for() -> None:
    here, there = Shared("", "a secret"), Shared("", "another")
    assert "ada" not in here.name("known", "ada")
    assert here.name("known", "ada") != there.name("known", "ada")
    assert here.name("a", "bc") != here.name("ab", "c")
