"""What a run of the benchmark found, and how it is kept as JSON. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

FLOOR, BARE, SHOP, DJANGO, FASTAPI = "floor", "bare", "PearShop", "Django", "FastAPI"
SUBJECTS = (FLOOR, BARE, SHOP, DJANGO, FASTAPI)
"""In the order in which they are measured and shown."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measured stretch of load on one route of one subject.

    `rate` is good answers a second; `p50` and `p99` in ms; `length` is that of an answer in bytes,
    headers included; `commits` and `cpu` (processor time in ms, by role) are for each request;
    `others`: cores that were busy with anything else, or taken by the machine's own host.
    """

    route: str
    subject: str
    connections: int
    round: int
    rate: float
    requests: int
    errors: int
    p50: float
    p99: float
    length: float
    commits: float
    cpu: Mapping[str, float]
    others: float = 0.0


@dataclass(frozen=True, slots=True)
class Count:
    """What one route costs for each request, counted and not timed.

    `statements`: messages with SQL that the database received, BEGIN and COMMIT left out;
    `commits`: transactions that wrote something.
    `calls`: calls that cart hosts received; `None` where there are none or they are not counted.
    """

    route: str
    subject: str
    connections: int
    requests: int
    statements: float
    commits: float
    calls: float | None = None


@dataclass(frozen=True, slots=True)
class Idle:
    """What a subject does when nobody asks it: cores that are busy, SQL statements a second."""

    cores: float
    statements: float


@dataclass(frozen=True)
class Result:
    """A run. `memory`: MiB (PSS) by subject and role; `problems`: what was wrong, in words."""

    machine: Mapping[str, str]
    plan: Mapping[str, Any]
    samples: Sequence[Sample] = ()
    counts: Sequence[Count] = ()
    memory: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    idle: Mapping[str, Idle] = field(default_factory=dict)
    problems: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> Self:
        """Return the run that `as_json` gave. Raises `KeyError` or `TypeError` for another form."""
        return cls(
            content["machine"],
            content["plan"],
            [Sample(**each) for each in content["samples"]],
            [Count(**each) for each in content["counts"]],
            content["memory"],
            {subject: Idle(**each) for subject, each in content["idle"].items()},
            content["problems"],
        )

    def connections(self) -> list[int]:
        """Return the numbers of connections that were measured."""
        return sorted({each.connections for each in self.samples})

    def routes(self) -> list[str]:
        """Return the routes that were measured, in the order of the run."""
        return list(dict.fromkeys(each.route for each in self.samples))

    def subjects(self) -> list[str]:
        """Return the subjects that were measured, in the order of the run."""
        found = {each.subject for each in self.samples}
        return [each for each in SUBJECTS if each in found]

    def rounds(self, route: str, subject: str, connections: int) -> list[Sample]:
        """Return the samples of one cell, in the order of the rounds."""
        wanted = (route, subject, connections)
        found = [e for e in self.samples if (e.route, e.subject, e.connections) == wanted]
        return sorted(found, key=lambda each: each.round)
