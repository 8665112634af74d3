"""Medians, spreads and ratios. Pure."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loadtests.bench.result import Result, Sample


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some values, the least and the most of them."""

    median: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread | None:
    """Return how values lie; `None` when there are none."""
    if not values:
        return None
    return Spread(statistics.median(values), min(values), max(values))


def spread_of(
    result: Result,
    route: str,
    subject: str,
    connections: int,
    value: Callable[[Sample], float] = lambda sample: sample.rate,
) -> Spread | None:
    """Return how a value, the rate unless told, lies over the rounds."""
    return spread([value(each) for each in result.rounds(route, subject, connections)])


def ratio(result: Result, route: str, connections: int, subject: str, other: str) -> Spread | None:
    """Return how many times the other's rate the subject's is: round by round, for a machine's
    speed drifts.

    `None` when they have no round in common, or the other got nothing done.
    """
    others = {each.round: each.rate for each in result.rounds(route, other, connections)}
    ratios = [
        each.rate / others[each.round]
        for each in result.rounds(route, subject, connections)
        if others.get(each.round)
    ]
    return spread(ratios)


def cpu_by_role(result: Result, route: str, subject: str, connections: int) -> dict[str, float]:
    """Return ms of processor time for each request by role: medians, the largest first."""
    samples = result.rounds(route, subject, connections)
    roles = {role for each in samples for role in each.cpu}
    medians = {
        role: statistics.median(each.cpu.get(role, 0.0) for each in samples) for role in roles
    }
    return dict(sorted(medians.items(), key=lambda item: (-item[1], item[0])))
