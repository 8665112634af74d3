"""Shoppers of `shopper.lua`: sent, and what came of it."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from loadtests.accounts import Wallet
from loadtests.many_products import CATEGORIES
from loadtests.offered import REFUSALS, is_good
from loadtests.result import percentiles
from loadtests.scenarios.result import Figure
from loadtests.scenarios.stock import Product, cart_line
from loadtests.scenarios.wrk import PATIENCE_S, all_ended, run
from loadtests.wrk import cpu_seconds
from pearshop.domain.user import User

Mix = Mapping[str, float]
"""Kinds of requests, as `shopper.lua` knows them, and their weights."""
COMMANDS = frozenset({"add", "change", "remove", "order"})
THREADS = 2
"""Of wrk: one for each connection would take twice the processor time."""


@dataclass(frozen=True, slots=True)
class Visit:
    """An answer. Times in ms of the monotonic clock; `told` is what it acknowledged.

    `due` is when the request was to be sent, or when it was, where that came first.
    """

    kind: str
    status: int
    due: float
    sent: float
    answered: float
    cache: str
    told: tuple[str, ...]

    @property
    def ms(self) -> float:
        """How long it took, waiting for a free connection included."""
        return self.answered - self.due

    @property
    def good(self) -> bool:
        """Whether it was done, or refused because a price had changed."""
        return is_good(self.status) or (self.status == 409 and bool(self.told))


@dataclass
class Visits:
    """All answers, each thread's in order; what was wrong; whose carts are not known any more."""

    answers: list[Visit] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    doubtful: set[int] = field(default_factory=set)
    unanswered: int = 0
    hung_up: int = 0
    cores: float = 0.0
    """That wrk kept busy."""

    @property
    def seconds(self) -> float:
        """From the first request to the last answer."""
        if not self.answers:
            return 0.0
        first = min(each.due for each in self.answers)
        return (max(each.answered for each in self.answers) - first) / 1e3

    def errors(self) -> int:
        """Return how many requests were not served as they should be."""
        bad = sum(not each.good for each in self.answers)
        return bad + self.unanswered + self.hung_up

    def figures(self) -> dict[str, Figure]:
        """Return what was done, and how long it took."""
        good = [each for each in self.answers if each.good]
        seconds = self.seconds or 1.0
        refused = sum(each.status in REFUSALS for each in self.answers)
        figures: dict[str, Figure] = {
            "seconds": round(seconds, 1),
            "answers/s": round(len(self.answers) / seconds, 1),
            "goodput/s": round(len(good) / seconds, 1),
            "refused as busy": refused,
            "errors": self.errors(),
            "wrong": len(self.wrong),
            "cores of wrk": round(self.cores, 2),
        }
        figures |= _times("all", good)
        kinds = Counter(each.kind for each in good)
        for kind, count in kinds.most_common():
            figures[f"{kind}: share"] = round(count / len(good), 4)
            figures |= _times(kind, [each for each in good if each.kind == kind])
        return figures


def _times(name: str, visits: Sequence[Visit]) -> dict[str, Figure]:
    values = zip(("p50", "p95", "p99"), percentiles([each.ms for each in visits]), strict=True)
    return {f"{name}: {what} ms": round(ms, 2) for what, ms in values}


@dataclass(frozen=True)
class Crowd:
    """Who visits, what there is, and how: `connections` at once.

    `products` have the most wanted first; `carts`, by user, what `begun_carts` put there. `wary` is
    the share of orders that name the total they expect; `signed`: reads of the catalogue carry a
    token, too.
    """

    products: Sequence[Product]
    carts: Mapping[int, Sequence[Product]]
    mix: Mix
    connections: int
    wary: float = 0.0
    signed: bool = True

    def visit(
        self, url: str, wallet: Wallet, shoppers: Sequence[User], seconds: int, rate: float
    ) -> Visits:
        """Visit for so long, with so many requests a second.

        Answers have to repeat their request's `X-Request-ID`. Raises `ConfigurationError` when wrk
        fails.
        """
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            before = cpu_seconds()
            lines = [f"{each.id} {each.name}" for each in self.products]
            (folder / "products").write_text("\n".join(lines) + "\n")
            for thread in range(THREADS):
                mine = [
                    f"{each.id} {wallet.token(each)} {self._begun(each)}"
                    for each in shoppers[thread::THREADS]
                ]
                (folder / f"in-{thread + 1}").write_text("\n".join(mine) + "\n")
            hung_up = run(
                "shopper.lua",
                url,
                folder,
                threads=THREADS,
                seconds=seconds + PATIENCE_S,
                is_over=lambda: all_ended(folder, THREADS),
                connections=self.connections,
                variables={
                    "PEARSHOP_WEIGHTS": " ".join(f"{k}:{w:g}" for k, w in self.mix.items()),
                    "PEARSHOP_GAP_MS": str(THREADS / rate * 1000),
                    "PEARSHOP_SECONDS": str(seconds),
                    "PEARSHOP_SIGNED": str(int(self.signed)),
                    "PEARSHOP_WARY": str(self.wary),
                    "PEARSHOP_CATEGORIES": str(CATEGORIES),
                },
            )
            visits = Visits(hung_up=hung_up)
            for thread in range(THREADS):
                with (folder / f"out-{thread + 1}").open() as log:
                    read(log, visits)
        visits.cores = (cpu_seconds() - before) / seconds
        return visits

    def _begun(self, shopper: User) -> str:
        lines = enumerate(self.carts.get(shopper.id, ()), 1)
        return ",".join(f"{cart_line(shopper.id, n)}:{each.id}:1:{each.price}" for n, each in lines)


def read(log: Iterable[str], visits: Visits) -> None:
    """Add what a thread of `shopper.lua` wrote. Pure."""
    wait = set[int]()
    ended = False
    for line in log:
        mark, *words = line.split()
        if mark == ">":
            wait.add(int(words[1]))
        elif mark == "!":
            visits.wrong.append(" ".join(words))
        elif mark == "~":
            visits.doubtful.add(int(words[0]))
        elif mark == "END":
            ended = True
        else:
            status, due, sent, answered, cache, *told = words
            times = (float(due), float(sent), float(answered))
            visits.answers.append(Visit(mark, int(status), *times, cache, tuple(told)))
            if mark in COMMANDS and told:
                wait.discard(int(told[0]))
    visits.unanswered += not ended
    visits.doubtful |= wait  # the end came before the answer


@dataclass
class Acknowledged:
    """What the shop said it holds: carts by user and line, orders by id."""

    carts: dict[int, dict[int, tuple[int, int]]] = field(default_factory=dict)
    orders: dict[int, tuple[int, int, dict[int, tuple[int, int, int]]]] = field(
        default_factory=dict
    )
    """User, total, and product, quantity and price by line."""


def acknowledged(
    visits: Visits, begun: Mapping[int, Sequence[Product]]
) -> tuple[Acknowledged, list[str]]:
    """Return what the answers amount to, and what is wrong with it. Pure.

    `begun` are the carts at first.
    """
    found, problems = Acknowledged(), list[str]()
    for user, lines_at_first in begun.items():
        numbered = enumerate(lines_at_first, 1)
        found.carts[user] = {cart_line(user, n): (each.id, 1) for n, each in numbered}
    for visit in _done(visits.answers):
        user = int(visit.told[0])
        cart = found.carts.setdefault(user, {})
        if visit.kind == "order":
            order_id, total, sold = int(visit.told[1]), int(visit.told[2]), visit.told[3]
            lines = dict(sold_lines(sold))
            if order_id in found.orders:
                problems.append(f"order {order_id} was acknowledged twice")
            found.orders[order_id] = (user, total, lines)
            for line in lines:
                cart.pop(line, None)
        elif visit.kind == "remove":
            cart.pop(int(visit.told[1]), None)
        else:
            line, product, quantity = map(int, visit.told[1:4])
            cart[line] = (product, quantity)
    return found, problems


def sold_lines(told: str) -> Iterator[tuple[int, tuple[int, int, int]]]:
    """Yield line and `(product, quantity, price)` of what was ordered. Pure."""
    for each in told.split(","):
        line, product, quantity, price = map(int, each.split(":"))
        yield line, (product, quantity, price)


def _done(answers: Iterable[Visit]) -> Iterator[Visit]:
    return (v for v in answers if v.kind in COMMANDS and is_good(v.status) and v.told)
