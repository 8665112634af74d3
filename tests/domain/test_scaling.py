"""How many cart hosts there should be: bounds, no flapping, in time, one by one on the way down."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pearshop.domain.scaling import (
    COMFORTABLE,
    EMPTY,
    FULL,
    QUIET_S,
    SURE,
    Bounds,
    Observation,
    Reading,
    decide,
    need,
    remember,
)

EVERY_S = 2.0
NOISE = 0.08
"""How far two looks at the same load may differ: what the thresholds lie apart for."""
BOUNDS = st.tuples(st.integers(1, 8), st.integers(0, 8)).map(lambda b: Bounds(b[0], sum(b)))
NEEDS = st.none() | st.floats(0, 50)


class Simulation:
    """Hosts under a load that is seen every two seconds; a full host is not seen to be fuller."""

    def __init__(self, hosts: int, bounds: Bounds) -> None:
        self.hosts = hosts
        self.now = 0.0
        self._bounds = bounds
        self._seen: tuple[Observation, ...] = ()

    def look(self, load: float | None) -> int:
        """See a load; return how many hosts there are then."""
        self.now += EVERY_S
        shown = None if load is None else min(load, self.hosts)
        self._seen = remember(self._seen, Observation(self.now, shown))
        wanted = decide(self.hosts, self._bounds, self._seen)
        if wanted != self.hosts:
            self.hosts = wanted
            self._seen = ()
        return wanted

    def run(self, load: Callable[[], float | None], looks: int) -> Iterator[int]:
        """See a load so many times."""
        for _ in range(looks):
            yield self.look(load())


def _directions(sizes: Sequence[int]) -> list[int]:
    """Return 1 for each step up, -1 for each step down."""
    pairs = itertools.pairwise(sizes)
    return [1 if after > before else -1 for before, after in pairs if after != before]


@settings(deadline=None)
@given(BOUNDS, st.integers(1, 50), st.lists(NEEDS, max_size=40))
def test_the_number_is_always_within_the_bounds(
    bounds: Bounds, hosts: int, needs: list[float | None]
) -> None:
    seen = [Observation(EVERY_S * number, each) for number, each in enumerate(needs)]
    assert bounds.least <= decide(hosts, bounds, seen) <= bounds.most


@settings(deadline=None)
@given(BOUNDS, st.data(), st.floats(0, 15))
def test_under_a_constant_load_hosts_only_come_or_only_go_and_then_stay(
    bounds: Bounds, data: st.DataObject, load: float
) -> None:
    simulation = Simulation(data.draw(st.integers(*bounds)), bounds)
    seen_as = st.floats(1 - NOISE, 1 + NOISE)
    long = 16 * int(QUIET_S / EVERY_S)  # from sixteen hosts to one
    noise = [data.draw(seen_as) for _ in range(20)]
    looks = iter(range(2 * long))
    sizes = list(simulation.run(lambda: load * noise[next(looks) % 20], long))
    assert len(set(_directions(sizes))) <= 1
    assert set(simulation.run(lambda: load * noise[next(looks) % 20], long)) == {sizes[-1]}


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.floats(0.01, 30))
def test_hosts_that_are_too_full_get_company_at_the_third_look(
    hosts: int, further: int, over: float
) -> None:
    simulation = Simulation(hosts, Bounds(1, hosts + further))
    load = FULL * hosts + over
    *before, after = simulation.run(lambda: load, SURE)
    assert set(before) == {hosts}
    shown = min(load, hosts)
    enough = math.ceil(shown / COMFORTABLE)
    assert hosts < after == min(enough, hosts + further)


def test_a_load_beyond_what_is_seen_is_met_in_a_few_steps() -> None:
    simulation = Simulation(1, Bounds(1, 64))
    sizes = list(simulation.run(lambda: 20.0, 10 * SURE))
    assert sizes[-1] * FULL >= 20
    assert sizes.index(sizes[-1]) < 7 * SURE


@settings(deadline=None)
@given(st.integers(2, 20), st.lists(st.floats(0, 1), min_size=60, max_size=60))
def test_hosts_leave_one_at_a_time_each_after_a_quiet_period(
    hosts: int, loads: list[float]
) -> None:
    simulation = Simulation(hosts, Bounds(1, hosts))
    changed_at, before = EVERY_S, hosts
    for load in loads:
        now = simulation.look(load * EMPTY * (before - 1))
        assert before - now in (0, 1)
        if now != before:
            assert simulation.now - changed_at >= QUIET_S
            changed_at, before = simulation.now + EVERY_S, now
    assert before < hosts


@settings(deadline=None)
@given(st.integers(2, 9), st.integers(0, 28))
def test_one_busy_look_starts_the_quiet_period_anew(hosts: int, at: int) -> None:
    simulation = Simulation(hosts, Bounds(1, hosts))
    looks = int(QUIET_S / EVERY_S)
    for number in range(looks + at):
        load = EMPTY * hosts if number == at else 0.0
        assert simulation.look(load) == hosts
    assert hosts - 1 in list(simulation.run(lambda: 0.0, 2))


@pytest.mark.parametrize("load", [0.0, 1.0])
def test_nothing_is_decided_while_a_host_does_not_tell(load: float) -> None:
    simulation = Simulation(2, Bounds(1, 9))
    looks = iter(range(1_000))
    tells = simulation.run(lambda: None if next(looks) % SURE == 1 else 2 * load, 100)
    assert set(tells) == {2}


def test_the_need_is_the_fuller_of_processor_and_memory() -> None:
    before = Reading(cpu_ms=100, age_ms=1_000, hot=0)
    busy = Reading(cpu_ms=1_600, age_ms=3_000, hot=10)
    lazy = Reading(cpu_ms=200, age_ms=3_000, hot=10)
    assert need([(before, busy), (before, lazy)], 1_000) == pytest.approx(0.8)
    assert need([(before, busy), (before, lazy)], 10) == pytest.approx(2.0)


def test_a_host_that_is_silent_or_new_makes_the_need_unknown() -> None:
    before, after = Reading(100, 1_000, 0), Reading(200, 3_000, 0)
    assert need([(before, after), (None, after)], 10) is None
    assert need([(before, after), (before, None)], 10) is None
    assert need([(after, before)], 10) is None  # another process under the same name


def test_what_is_remembered_spans_the_quiet_period_and_little_more() -> None:
    seen: tuple[Observation, ...] = ()
    for number in range(200):
        seen = remember(seen, Observation(number * EVERY_S, 0.0))
    assert QUIET_S <= seen[-1].at - seen[0].at < QUIET_S + EVERY_S
