"""When it is tried again."""

from itertools import pairwise

import pytest

from pearshop.webhooks.schedule import (
    ATTEMPTS,
    FIRST_S,
    LONGEST_PAUSE_S,
    LONGEST_S,
    pause,
    wait,
)
from tests.pure import _nothing_outside

__all__ = ["_nothing_outside"]
HOUR = 3600
BOUNDS = [wait(attempt, 1.0) or 0.0 for attempt in range(1, ATTEMPTS)]


def test_waits_grow_to_their_bound() -> None:
    assert BOUNDS[0] == FIRST_S
    assert all(later > earlier or later == LONGEST_S for earlier, later in pairwise(BOUNDS))
    assert BOUNDS[-1] == LONGEST_S


def test_all_take_a_day_or_two() -> None:
    assert 48 * HOUR < sum(BOUNDS) < 60 * HOUR
    assert 24 * HOUR < sum(wait(n, 0.5) or 0.0 for n in range(1, ATTEMPTS)) < 30 * HOUR


def test_then_it_is_given_up() -> None:
    assert wait(ATTEMPTS - 1, 0.0) == 0.0
    assert wait(ATTEMPTS, 0.5) is None


@pytest.mark.parametrize("chance", [0.0, 0.25, 0.999])
def test_chance_takes_from_the_whole_span(chance: float) -> None:
    assert wait(3, chance) == chance * BOUNDS[2]
    assert pause(2, chance) == chance * pause(2, 1.0)


def test_pauses_grow_and_stay_short() -> None:
    bounds = [pause(failures, 1.0) for failures in range(1, 20)]
    assert bounds[:4] == [5, 10, 20, 40]
    assert set(bounds[4:]) == {LONGEST_PAUSE_S}
    assert pause(10**9, 1.0) == LONGEST_PAUSE_S
