"""A run: everything is started, measured in turn, and stopped."""

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench.counting import count_all
from loadtests.bench.counts import too_many
from loadtests.bench.machine import describe
from loadtests.bench.result import BARE, FLOOR, Result, Sample
from loadtests.bench.routes import ROUTES
from loadtests.bench.subjects import Field, Sizes, started
from loadtests.bench.timing import Cell, Timer

SIZES = Sizes(products=2_000, shoppers=1_000, buyers=4_000)


@dataclass(frozen=True)
class Plan:
    """How much is measured. `seconds`: of a sample; `warm_ups`: at most, before a route's first."""

    rounds: int
    seconds: int
    warm_ups: int
    connections: Sequence[int]
    routes: Sequence[str]
    with_peers: bool


def run(plan: Plan) -> Result:
    """Measure it all. Raises `ConfigurationError` or `CalledProcessError` when something fails."""
    with tempfile.TemporaryDirectory(prefix="pearshop-bench-") as folder:
        state = Path(folder)
        with started(state, SIZES, with_peers=plan.with_peers) as field:
            return _measured(plan, field, state)


def _measured(plan: Plan, field: Field, state: Path) -> Result:
    timer = Timer(field.run.database_url, plan.seconds, plan.warm_ups)
    samples = _samples(plan, field, timer)
    memory = {e.name: e.processes.memory() for e in field.subjects if e.name not in (FLOOR, BARE)}
    _say("counting")
    counted = [each for each in field.subjects if each.name != BARE]
    counts, idle, wrong = count_all(
        counted,
        field.goods_of,
        state,
        field.run.database_url,
        plan.routes,
    )
    return Result(
        describe(field.run.database_url),
        {
            "rounds": plan.rounds,
            "seconds": plan.seconds,
            "products": SIZES.products,
            "shoppers": SIZES.shoppers,
        },
        samples,
        counts,
        memory,
        idle,
        [*timer.problems, *wrong, *too_many(counts)],
    )


def _samples(plan: Plan, field: Field, timer: Timer) -> list[Sample]:
    samples = []
    for route in plan.routes:
        for connections in plan.connections:
            for number in range(plan.rounds):
                for subject in field.subjects:
                    if ROUTES[route] not in subject.routes:
                        continue
                    cell = Cell(ROUTES[route], subject, connections)
                    sample = timer.sample(cell, number)
                    samples.append(sample)
                    _say(f"{cell}, round {number + 1}: {sample.rate:,.0f}/s")
    return samples


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)
