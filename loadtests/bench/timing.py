"""Timed samples: one route of one subject at a time."""

import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg

from loadtests.bench import load
from loadtests.bench.ask import ask
from loadtests.bench.books import Books, Ledger, problem_of
from loadtests.bench.processes import WRK, Used, busy, spent
from loadtests.bench.result import BARE, Sample
from loadtests.bench.routes import (
    ADD,
    CART,
    ORDER,
    ORDER_LINES,
    FullCart,
    Request,
    Route,
    bare_adds,
    bare_order,
    order_request,
    requests_of,
    to_floor,
)
from loadtests.bench.subjects import Subject

WARM_UP_S = 1
FASTER = 1.1
FIRST_GUESS = 300.0
"""Orders a second, before any were measured."""
SPARE = 1.6
"""Carts for so many times what was measured last; what is not ordered costs no more than time."""
READERS = 32
DIFFERENT = 2_000
"""Requests at most that a sample draws from: wrk reads them before it begins."""
PATIENCE_S = 20.0
LOOK_S = 0.25
QUIET = 0.5
"""Cores; an idle shop keeps less than that busy."""
COMMITS = "SELECT xact_commit FROM pg_stat_database WHERE datname = %s"
LEDGER = {ADD.name: "pieces", ORDER.name: "orders"}


@dataclass(frozen=True)
class Cell:
    """What is sampled: a route of a subject over so many connections."""

    route: Route
    subject: Subject
    connections: int

    def __str__(self) -> str:
        return f"{self.subject.name}, {self.route.name}, {self.connections} connections"


@dataclass
class Timer:
    """Takes samples and remembers what was wrong. `server_url`: the PostgreSQL server of all.

    Before the first sample of a route it warms up to `warm_ups` times, until that makes it no
    faster by `FASTER`.
    """

    server_url: str
    seconds: int
    warm_ups: int
    problems: list[str] = field(default_factory=list)
    _orders: dict[tuple[str, int], float] = field(default_factory=dict)
    _warm: set[tuple[str, str]] = field(default_factory=set)

    def sample(self, cell: Cell, number: int) -> Sample:
        """Warm up, load, and look at what was stored. Raises `ConfigurationError`."""
        subject = cell.subject
        if cell.route is ORDER and subject.books:
            self._guess_orders(cell)
        requests = self._prepared(cell, self.seconds, number)
        if cell.route is not ORDER:
            self._warm_up(cell, requests)
        commits, cpu = self._commits(subject), subject.processes.cpu()
        all_before, began = busy(), time.monotonic()
        timing = self._checked(cell, requests, self.seconds, number)
        took, all_used = time.monotonic() - began, busy() - all_before
        used = spent(cpu, subject.processes.cpu()) | {WRK: timing.cpu}
        each = max(1, timing.good)
        sample = Sample(
            cell.route.name,
            subject.name,
            cell.connections,
            number,
            timing.rate,
            timing.good,
            timing.refused + timing.broken,
            timing.p50,
            timing.p99,
            timing.received / max(1, timing.answers),
            (self._commits(subject) - commits) / each,
            {role: seconds * 1e3 / each for role, seconds in used.items()},
            max(0.0, all_used - sum(used.values())) / took,
        )
        wait_until_quiet(subject)
        return sample

    def _warm_up(self, cell: Cell, requests: Sequence[Request]) -> None:
        key = cell.subject.name, cell.route.name
        connections, last = max(READERS, cell.connections), 0.0
        for number in range(1 if key in self._warm else self.warm_ups):
            timing = load.run(cell.subject.url, requests, connections, WARM_UP_S, seed=number)
            if timing.rate <= last * FASTER:
                break
            last = timing.rate
        self._warm.add(key)
        wait_until_quiet(cell.subject)

    def _guess_orders(self, cell: Cell) -> None:
        """See how many orders a second there are, for a sample needs a cart for each."""
        key = cell.subject.name, cell.connections
        if key not in self._orders:
            self._orders[key] = FIRST_GUESS
            self._checked(cell, self._prepared(cell, WARM_UP_S, 0), WARM_UP_S, 0)

    def _prepared(self, cell: Cell, seconds: int, seed: int) -> Sequence[Request]:
        subject = cell.subject
        if cell.route is not ORDER:
            if subject.name == BARE:
                every = bare_adds(subject.wares)
            else:
                every = requests_of(cell.route, subject.current)
            found = random.Random(seed).sample(every, min(len(every), DIFFERENT))
            return found if subject.books else to_floor(cell.route, found)
        if not subject.books:
            made = [FullCart(each, range(ORDER_LINES)) for each in subject.wares.tokens]
            return to_floor(ORDER, [order_request(each) for each in made])
        rate = self._orders[subject.name, cell.connections]
        count = math.ceil(rate * seconds * SPARE) + 2 * cell.connections
        return ready_orders(subject, subject.books, count)

    def _checked(
        self, cell: Cell, requests: Sequence[Request], seconds: int, number: int
    ) -> load.Timing:
        """Load, and hold what was acknowledged to what is stored."""
        books, what = cell.subject.books, LEDGER.get(cell.route.name)
        once = cell.route is ORDER and books is not None
        before = books.ledger() if books and what else None
        timing = load.run(
            cell.subject.url, requests, cell.connections, seconds, seed=number, once=once
        )
        if once:
            self._orders[cell.subject.name, cell.connections] = timing.rate
        failed = timing.refused + timing.broken
        if failed or not timing.good:
            self.problems.append(
                f"{cell}: {timing.good:,} good answers, {timing.refused:,} error statuses, "
                f"{timing.broken:,} without an answer"
            )
        if books and what and before:
            after = books.settled(before, timing.good, what)
            under_way = cell.connections + failed
            if problem := problem_of(before, after, timing.good, under_way, what):
                self.problems.append(f"{cell}: {problem}")
        return timing

    def _commits(self, subject: Subject) -> int:
        """Return the commits in a subject's database. PostgreSQL tells them up to a second late."""
        if not subject.database:
            return 0
        with psycopg.connect(self.server_url, dbname="postgres") as connection:
            row = connection.execute(COMMITS, (subject.database,)).fetchone()
        return int(row[0]) if row else 0


def wait_until_quiet(subject: Subject) -> None:
    """Wait until a subject has done what a load that broke off has left with it, or in vain."""
    deadline = time.monotonic() + PATIENCE_S
    stored, used = _state(subject)
    while time.monotonic() < deadline:
        time.sleep(LOOK_S)
        before, used_before = stored, used
        stored, used = _state(subject)
        if stored == before and sum(spent(used_before, used).values()) < QUIET * LOOK_S:
            return


def _state(subject: Subject) -> tuple[Ledger | None, Used]:
    return subject.books.ledger() if subject.books else None, subject.processes.cpu()


def ready_orders(subject: Subject, books: Books, count: int) -> list[Request]:
    """Return orders of carts that are filled and were read once, as a shopper does before."""
    carts = books.carts_to_order(count)
    ask(subject.url, [Request("GET", CART, each.token) for each in carts], READERS)
    request = bare_order if subject.name == BARE else order_request
    return [request(each) for each in carts]
