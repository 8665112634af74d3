"""How many cart hosts there should be. Pure.

A host is one process whose work runs on one core, and keeps a bounded number of carts hot. `need`
says how many full hosts the work of a moment would take. More hosts come when the present ones are
too full, as many as it takes to make them comfortable; one leaves at a time, and only after a quiet
period. The three thresholds lie apart, so that a constant load never has a host come and go.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

FULL = 0.7
"""Hosts that are fuller than this, on average, get company."""
COMFORTABLE = 0.6
"""How full the hosts shall be at most once more have come."""
EMPTY = 0.5
"""One host leaves when those that stay would not be fuller than this."""
SURE = 3
"""Observations in a row that have to say so before hosts come."""
QUIET_S = 60.0
"""For so long every observation has to say so before one leaves."""


class Bounds(NamedTuple):
    """The fewest and the most hosts that are allowed."""

    least: int
    most: int


class Reading(NamedTuple):
    """What a host tells of itself: ms of processor time, its age in ms, and its hot carts."""

    cpu_ms: int
    age_ms: int
    hot: int


class Observation(NamedTuple):
    """How many full hosts the work of the last seconds took, as of `at` (s).

    `need` is `None` when not every host told.
    """

    at: float
    need: float | None


def need(hosts: Sequence[tuple[Reading | None, Reading | None]], hot_limit: int) -> float | None:
    """Return how many full hosts the work took, from two readings of each host.

    The fuller of two: processor time, hot carts. `None` when a reading is missing or the two are
    not of one process.
    """
    busy, hot = 0.0, 0
    for before, after in hosts:
        if before is None or after is None or after.age_ms <= before.age_ms:
            return None
        busy += (after.cpu_ms - before.cpu_ms) / (after.age_ms - before.age_ms)
        hot += after.hot
    return max(busy, hot / hot_limit)


def remember(seen: Sequence[Observation], now: Observation) -> tuple[Observation, ...]:
    """Return the observations with one more, without those too old to matter."""
    kept = [*seen, now]
    while len(kept) > 1 and kept[1].at <= now.at - QUIET_S:
        del kept[0]
    return tuple(kept)


def decide(hosts: int, bounds: Bounds, seen: Sequence[Observation]) -> int:
    """Return how many hosts there should be now, within the bounds.

    `seen` are the observations since `hosts` was last changed, the oldest first.
    """
    wanted = hosts
    lately = [each.need for each in seen[-SURE:]]
    if len(lately) == SURE and _all_above(lately, FULL * hosts):
        wanted = math.ceil(min(each for each in lately if each is not None) / COMFORTABLE)
    elif seen and seen[-1].at - seen[0].at >= QUIET_S:
        quiet = [each.need for each in seen if each.at >= seen[-1].at - QUIET_S]
        if all(each is not None and each <= EMPTY * (hosts - 1) for each in quiet):
            wanted = hosts - 1
    return min(max(wanted, bounds.least), bounds.most)


def _all_above(needs: Sequence[float | None], full: float) -> bool:
    return all(each is not None and each > full for each in needs)
