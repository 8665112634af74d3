"""From what requests cost to what a load needs. Pure.

A load of a size is taken to cost for each request what the measured journey did: at 10,000 a minute
as at that rate, beyond as at 60,000 a minute, where commits have more commands. That is careful:
the greater the load, the more commands share a commit.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Self

from loadtests.bench.processes import API, CONNECTIONS, DATABASES, HOSTS, SERVER
from loadtests.bench.result import SHOP, Result
from loadtests.tables import Sheet
from pearshop.domain.scaling import COMFORTABLE

SIZES = (10_000, 100_000, 1_000_000)
"""Requests a minute."""
FULL = 0.6
"""How busy cores may be on average, so that peaks of seconds have room; as cart hosts go by."""
ROUTES = ("product", "page", "search", "cart", "add", "order")
STANDS_FOR = {"view": "product", "browse": "page", "change": "add", "history": "cart"}
"""Kinds of the journey that the benchmark has no route for, and which one comes nearest."""
BUSY, QUIET = 128, 1
"""Connections of the benchmark that stand for much load and for little."""
POOL = 8
"""Connections of one `Database` replica."""
REQUESTS_OF_A_VISIT = 30
IDLE_S = 900
HOT_CARTS = 100_000
"""`PEARSHOP_CART_IDLE_SECONDS` and `PEARSHOP_CART_HOT_LIMIT`."""


@dataclass(frozen=True, slots=True)
class Journey:
    """Journeys at a rate: what was answered in a second, latencies in ms, and costs of a request.

    `cpu` is processor time in ms by role, `commits` are transactions that wrote; `others`: cores
    that other processes kept busy meanwhile.
    """

    offered: float
    rate: float
    p50: float
    p99: float
    cpu: Mapping[str, float]
    commits: float
    others: float

    def ms(self, *roles: str) -> float:
        """Return the processor time of a request in some roles, or in all."""
        return sum(ms for role, ms in self.cpu.items() if not roles or role in roles)


@dataclass(frozen=True)
class Measured:
    """What `measure` found; `commits` a second are what PostgreSQL makes durable at most."""

    machine: Mapping[str, str]
    journeys: Sequence[Journey]
    commits: float

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> Self:
        """Return what `as_json` gave."""
        journeys = [Journey(**each) for each in content["journeys"]]
        return cls(content["machine"], journeys, content["commits"])


@dataclass(frozen=True, slots=True)
class Limit:
    """Something there is only so much of, how much of it a load takes, and what moves the limit."""

    name: str
    taken: float
    there: float
    moved_by: str

    @property
    def share(self) -> float:
        """How much of it is taken: beyond 1 it does not suffice."""
        return self.taken / self.there


@dataclass(frozen=True)
class Need:
    """What so many requests a minute need."""

    size: int
    journey: Journey
    most_commits: float
    length: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.size / 60

    def cores(self, *roles: str) -> float:
        """Return the cores that roles, or all, keep busy."""
        return self.rate * self.journey.ms(*roles) / 1e3

    def processes(self, role: str, least: int) -> int:
        """Return how many processes of one core each a role needs."""
        return max(least, math.ceil(self.cores(role) / FULL))

    @property
    def hot_carts(self) -> float:
        """Carts that were touched within the time that they stay in memory."""
        return self.rate * IDLE_S / REQUESTS_OF_A_VISIT

    @property
    def full_hosts(self) -> float:
        """What the cart hosts do, in full hosts: by processor time or by hot carts."""
        return max(self.cores(HOSTS), self.hot_carts / HOT_CARTS)

    @property
    def hosts(self) -> int:
        """Cart hosts, as many as the shop would make."""
        return max(1, math.ceil(self.full_hosts / COMFORTABLE))

    @property
    def databases(self) -> int:
        """`Database` replicas."""
        return self.processes(DATABASES, 2)

    @property
    def commits(self) -> float:
        """Transactions a second that write."""
        return self.rate * self.journey.commits

    @property
    def megabits(self) -> float:
        """Answers, in Mbit/s."""
        return self.rate * self.length * 8 / 1e6

    def limits(self) -> list[Limit]:
        """Return what bounds the load as the shop is configured, the nearest first."""
        return sorted(
            [
                Limit("two cores", self.cores(), 2 * FULL, "more cores, then nodes"),
                Limit("4 `Api` replicas", self.cores(API), 4 * FULL, "`max_replicas`"),
                Limit("4 cart hosts", self.full_hosts, 4 * COMFORTABLE, "`max_cart_hosts`"),
                Limit("2 `Database` replicas", self.cores(DATABASES), 2 * FULL, "`max_replicas`"),
                Limit(
                    "HAProxy of one node, 2 threads",
                    self.cores("HAProxy"),
                    2 * FULL,
                    "a balancer before several nodes",
                ),
                Limit(
                    "100 connections to PostgreSQL",
                    self.databases * POOL,
                    100,
                    "`max_connections`, or a smaller pool",
                ),
                Limit(
                    "commits of one PostgreSQL",
                    self.commits,
                    self.most_commits * FULL,
                    "quicker disks, then several primaries by user",
                ),
                Limit(
                    "two cores for PostgreSQL",
                    self.cores(CONNECTIONS, SERVER),
                    2 * FULL,
                    "more cores; read replicas for what may lag",
                ),
            ],
            key=lambda limit: -limit.share,
        )


def needs(measured: Measured, bench: Result, mix: Mapping[str, float]) -> list[Need]:
    """Return what each of `SIZES` needs."""
    slow, quick = measured.journeys
    length = _of_mix(mix, {route: _length(bench, route) for route in ROUTES})
    return [
        Need(size, slow if size / 60 <= slow.offered else quick, measured.commits, length)
        for size in SIZES
    ]


def kinds(bench: Result) -> Sheet:
    """Return what a request of each kind costs by the benchmark, with little and with much load."""
    heading = (
        *("a request", "ms of a core, alone", "ms of a core, busy"),
        *("of these Api", "cart host", "Database", "PostgreSQL"),
        *("bytes", "statements", "commits, alone", "commits, busy"),
    )
    return Sheet(heading, [_kind(bench, route) for route in ROUTES])


def _kind(bench: Result, route: str) -> tuple[str, ...]:
    roles = (API,), (HOSTS,), (DATABASES,), (CONNECTIONS, SERVER)
    counts = [each for each in bench.counts if (each.route, each.subject) == (route, SHOP)]
    return (
        route,
        *(f"{_ms(bench, route, at):.2f}" for at in (QUIET, BUSY)),
        *(f"{_ms(bench, route, BUSY, *each):.2f}" for each in roles),
        f"{_length(bench, route):,.0f}",
        f"{max(each.statements for each in counts):.1f}",
        f"{next(each.commits for each in counts if each.connections == QUIET):.2f}",
        f"{median(each.commits for each in bench.rounds(route, SHOP, BUSY)):.2f}",
    )


def _ms(bench: Result, route: str, connections: int, *roles: str) -> float:
    return median(
        sum(ms for role, ms in each.cpu.items() if role != "wrk" and (not roles or role in roles))
        for each in bench.rounds(route, SHOP, connections)
    )


def _length(bench: Result, route: str) -> float:
    return median(each.length for each in bench.rounds(route, SHOP, BUSY))


def _of_mix(mix: Mapping[str, float], by_route: Mapping[str, float]) -> float:
    """Return the mean over a mix of kinds."""
    total = sum(mix.values())
    return sum(w * by_route[STANDS_FOR.get(kind, kind)] for kind, w in mix.items()) / total


def checked(measured: Measured, bench: Result, mix: Mapping[str, float]) -> Sheet:
    """Return what journeys took as measured, beside what the kinds of requests add up to."""
    rows = []
    for each, connections in zip(measured.journeys, (QUIET, BUSY), strict=True):
        computed = _of_mix(mix, {route: _ms(bench, route, connections) for route in ROUTES})
        rows.append(
            (
                f"{each.offered * 60:,.0f} a minute",
                f"{each.rate:,.0f}",
                f"{each.p50:,.1f}, {each.p99:,.0f}",
                f"{each.ms():.2f}",
                f"{computed:.2f}",
                f"{each.rate * each.ms() / 1e3:.2f}",
                f"{each.rate * each.commits:,.0f}",
                f"{each.others:.2f}",
            )
        )
    heading = (
        *("journeys", "answers/s", "p50, p99 ms", "ms of a core, measured", "summed by kind"),
        *("cores busy", "commits/s", "cores of others"),
    )
    return Sheet(heading, rows)


def needed(found: Sequence[Need]) -> Sheet:
    """Return what each size needs, a column each."""
    rows = [
        ("requests/s", [f"{n.rate:,.0f}" for n in found]),
        ("cores that are busy", [f"{n.cores():,.1f}" for n in found]),
        (f"cores to have, {FULL:.0%} busy", [f"{n.cores() / FULL:,.0f}" for n in found]),
        ("`Api` replicas", [f"{n.processes(API, 2):,}" for n in found]),
        ("hot carts", [f"{n.hot_carts:,.0f}" for n in found]),
        ("cart hosts", [f"{n.hosts:,}" for n in found]),
        ("`Database` replicas", [f"{n.databases:,}" for n in found]),
        ("connections to PostgreSQL", [f"{n.databases * POOL:,}" for n in found]),
        ("commits/s", [f"{n.commits:,.0f}" for n in found]),
        ("cores of PostgreSQL, busy", [f"{n.cores(CONNECTIONS, SERVER):,.2f}" for n in found]),
        ("cores of HAProxy, busy", [f"{n.cores('HAProxy'):,.2f}" for n in found]),
        ("answers, Mbit/s", [f"{n.megabits:,.0f}" for n in found]),
    ]
    heading = ("", *(f"{n.size:,} a minute" for n in found))
    return Sheet(heading, [(name, *cells) for name, cells in rows])


def bottlenecks(found: Sequence[Need]) -> Sheet:
    """Return how much of each limit a load takes, and what moves it; the nearest limit first."""
    order = [limit.name for limit in found[-1].limits()]
    rows = []
    for name in order:
        limits = [next(each for each in n.limits() if each.name == name) for n in found]
        rows.append((name, *(f"{each.share:,.0%}" for each in limits), limits[0].moved_by))
    heading = ("what there is", *(f"{n.size:,} a minute" for n in found), "moved by")
    return Sheet(heading, rows)
