"""The targets of the benchmark, and whether a run met them. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadtests.bench.numbers import Spread, ratio, spread_of
from loadtests.bench.result import DJANGO, FLOOR, SHOP, Result

CONNECTIONS = (32,)
WRITES = (32, 128)
"""Where ratios are taken: writes share commits, and more connections bring more to share."""
ADD_P50_MS = 8.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A target and what was reached. `met` is `None` when it was not measured."""

    name: str
    target: str
    reached: str
    met: bool | None
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wanted:
    """At least so great a share of the floor's rate, and so many times Django's."""

    route: str
    floor: float
    django: float
    connections: Sequence[int] = CONNECTIONS

    def name(self, connections: int) -> str:
        """Return what the table calls it, measured at so many."""
        return f"{self.route}, {connections} connections"


WANTED = (
    Wanted("product", 0.70, 3),
    Wanted("page", 0.60, 5),
    Wanted("search", 0.60, 5),
    Wanted("add", 0.50, 8, WRITES),
    Wanted("order", 0.25, 8, WRITES),
)


def outcomes(result: Result, scenarios: Mapping[str, Any] | None = None) -> list[Outcome]:
    """Return every target of the routes, then those that scenarios have found themselves.

    `scenarios` is what `scenarios.json` has. Raises `KeyError` for another form.
    """
    found = []
    for each in WANTED:
        for connections in each.connections:
            found.append(_against_floor(result, each, connections))
            found.append(_against_django(result, each, connections))
    found.append(_one_add(result))
    found += [
        Outcome(e["name"], e["target"], e["reached"], e["met"], e.get("figures", {}))
        for entry in (scenarios or {}).values()
        for e in (entry if isinstance(entry, list) else [entry])
    ]
    return found


def _against_floor(result: Result, wanted: Wanted, connections: int) -> Outcome:
    reached = ratio(result, wanted.route, connections, SHOP, FLOOR)
    target = f"{wanted.floor:.0%} of the floor"
    return _outcome(wanted.name(connections), target, reached, wanted.floor, "{:.0%}".format)


def _against_django(result: Result, wanted: Wanted, connections: int) -> Outcome:
    reached = ratio(result, wanted.route, connections, SHOP, DJANGO)
    target = f"{wanted.django:.0f} x Django"
    return _outcome(wanted.name(connections), target, reached, wanted.django, "{:.1f} x".format)


def _outcome(
    name: str, target: str, reached: Spread | None, least: float, shown: Callable[[float], str]
) -> Outcome:
    if reached is None:
        return Outcome(name, target, "not measured", None)
    return Outcome(name, target, _words(reached, shown), reached.median >= least, _figures(reached))


def _one_add(result: Result) -> Outcome:
    reached = spread_of(result, "add", SHOP, 1, lambda sample: sample.p50)
    name, target = "add, 1 connection", f"p50 below {ADD_P50_MS:.0f} ms"
    if reached is None:
        return Outcome(name, target, "not measured", None)
    words = _words(reached, lambda value: f"{value:.1f} ms")
    return Outcome(name, target, words, reached.median < ADD_P50_MS, _figures(reached))


def _words(reached: Spread, shown: Callable[[float], str]) -> str:
    if reached.least == reached.most:
        return shown(reached.median)
    return f"{shown(reached.median)} ({shown(reached.least)} to {shown(reached.most)})"


def _figures(reached: Spread) -> dict[str, float]:
    return {"median": reached.median, "least": reached.least, "most": reached.most}
