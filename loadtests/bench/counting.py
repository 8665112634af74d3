"""What each request costs, counted: statements, commits, calls. And whether answers are right."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

from loadtests.bench.ask import ask
from loadtests.bench.checks import problem_of
from loadtests.bench.counts import too_many
from loadtests.bench.processes import spent
from loadtests.bench.result import SHOP, Count, Idle
from loadtests.bench.routes import ADD, ORDER, ROUTES, Request, Route, requests_of
from loadtests.bench.statements import Log, kinds, logged, tally, transactions_in, without_values
from loadtests.bench.subjects import Subject
from loadtests.bench.timing import ready_orders
from loadtests.hosts import Hosts
from loadtests.peers.database import Good
from pearshop.db.delivery import BATCH, HAND_ON
from pearshop.launcher.state import StateFolder

IDLE_S = 5.0
HANDED_ON = without_values(
    str(HAND_ON.bindparams(limit=BATCH).compile(compile_kwargs={"literal_binds": True}))
)
"""What webhooks cost once a second while there are new orders, however many: background, too."""
ASKED = {1: 60, 32: 640}
"""Requests for each number of connections."""
DIFFERENT = 20
"""Different requests among them, of those that only read."""
AGAIN = 2
"""Times that a count above what is stated is repeated."""
WARM_UP = 5
"""Times that each is sent before, so that every replica has seen it."""
Calls = Callable[[], int | None]


@dataclass
class Counter:
    """Counts for one subject after the other; remembers what was wrong."""

    log: Log
    calls: Calls
    problems: list[str] = field(default_factory=list)
    _background: frozenset[str] = frozenset()

    def idle(self, subject: Subject) -> Idle:
        """Return what a subject does when nobody asks it; the statements are its background."""
        self.log.since()
        before, began = subject.processes.cpu(), time.monotonic()
        time.sleep(IDLE_S)
        used = sum(spent(before, subject.processes.cpu()).values())
        took = time.monotonic() - began
        found = transactions_in(self.log.since(), subject.database)
        self._background = kinds(found) | {HANDED_ON}
        return Idle(used / took, tally(found).statements / took)

    def least(
        self, subject: Subject, route: Route, connections: int, sold: Mapping[int, Good]
    ) -> Count:
        """Return a count; where it is above what is stated, the least of a few.

        What goes on by the clock only ever adds: a sweep, or a page that a replica had forgotten.
        """
        count = self.count(subject, route, connections, sold)
        for _ in range(AGAIN):
            if not too_many([count]):
                break
            another = self.count(subject, route, connections, sold)
            count = min(count, another, key=lambda each: (each.statements, each.commits))
        return count

    def count(
        self, subject: Subject, route: Route, connections: int, sold: Mapping[int, Good]
    ) -> Count:
        """Send a known number of requests and count what they cause, after a warm-up."""
        requests = _requests(subject, route, ASKED[connections])
        before = self.calls()
        self.log.since()
        answers = ask(subject.url, requests, connections)
        found = tally(transactions_in(self.log.since(), subject.database), self._background)
        after = self.calls()
        wrong = {
            problem
            for request, answer in zip(requests, answers, strict=True)
            if (problem := problem_of(route, request, answer, sold))
        }
        self.problems += [f"{subject.name}, {each}" for each in sorted(wrong)]
        number = len(requests)
        called = None if before is None or after is None else (after - before) / number
        return Count(
            route.name,
            subject.name,
            connections,
            number,
            found.statements / number,
            found.commits / number,
            called,
        )


def _requests(subject: Subject, route: Route, count: int) -> Sequence[Request]:
    """Return so many requests to measure; some were sent before as a warm-up."""
    assert subject.books
    if route is ORDER:
        warm, *rest = ready_orders(subject, subject.books, count + 1)
        ask(subject.url, [warm], 1)
        return rest
    every = requests_of(route, subject.current)
    some = every[:: max(1, len(every) // DIFFERENT)][:DIFFERENT]
    ask(subject.url, some if route is ADD else some * WARM_UP, 8)
    return list(islice(cycle(some), count))


def count_all(
    subjects: Sequence[Subject],
    sold_by: Callable[[Subject], Mapping[int, Good]],
    state: Path,
    server_url: str,
    routes: Sequence[str] = tuple(ROUTES),
) -> tuple[list[Count], dict[str, Idle], list[str]]:
    """Return the counts of all subjects with a database, what they do idle, what was wrong."""
    counts: list[Count] = []
    idle: dict[str, Idle] = {}
    log_file = state / "postgres" / "server.log"
    with calls_of(state) as calls, logged(server_url, log_file) as log:
        counter = Counter(log, lambda: None)
        for subject in subjects:
            if not subject.books:
                continue
            counter.calls = calls if subject.name == SHOP else lambda: None
            idle[subject.name] = counter.idle(subject)
            counts += [
                counter.least(subject, ROUTES[route], connections, sold_by(subject))
                for route in routes
                for connections in ASKED
            ]
    return counts, idle, counter.problems


@contextmanager
def calls_of(state: Path) -> Iterator[Calls]:
    """Yield what tells how many calls the cart hosts of a shop have received."""
    with Hosts(StateFolder(state)) as hosts:
        yield lambda: hosts.counts().get("calls")
