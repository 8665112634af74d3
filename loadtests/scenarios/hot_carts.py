"""Hot carts: what one takes in the cart host's memory, and how soon a cold one answers.

One cart host holds them all. They are put into the database and opened over HTTP, so each comes
into memory as it would for its shopper. Memory is the growth of the host process's private memory,
divided by the carts; what a first cart brings along is grown before.
"""

import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from loadtests.accounts import Wallet, make_shoppers
from loadtests.hosts import Hosts
from loadtests.memory import MIB, usage_by_role
from loadtests.result import percentiles
from loadtests.scenarios.result import Figure, Options, Result, Row
from loadtests.scenarios.stock import cart_line, fill_carts, stocked
from loadtests.scenarios.wrk import Got, Wish, once
from loadtests.shop import engine_of, own_shop
from pearshop.domain.user import User
from pearshop.launcher.state import Run, StateFolder

CARTS, COLD, WARM_UP, PRODUCTS = 100_000, 1_000, 2_000, 1_000
SHORT, LONG = 5, 20
"""Lines of a cart, on average. An invoice of the real trace has about 20."""
MOST_KB, MOST_MS = 4.0, 10.0
CONNECTIONS = 32
BATCH = 10_000
"""Carts opened with one set of tokens, which live for a quarter of an hour."""
SETTINGS = {"PEARSHOP_CART_HOT_LIMIT": "1000000", "PEARSHOP_CART_IDLE_SECONDS": "7200"}


@dataclass
class Opened:
    """Carts that were opened: how many, their lines, KB for each, and what was wrong."""

    carts: int
    lines: int
    kb: float
    hot: int
    problems: list[str] = field(default_factory=list)


@dataclass
class Host:
    """A shop with one cart host, and shoppers whose carts are yet to be opened."""

    run: Run
    engine: Engine
    wallet: Wallet
    hosts: Hosts
    shoppers: list[User]
    products: list[int]
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def grow(self, count: int, mean: int) -> Opened:
        """Open so many carts of 1 to twice `mean` - 1 lines."""
        lengths, before = self._fill(count, mean), self._private()
        problems = []
        users = list(lengths)
        for start in range(0, count, BATCH):
            some = users[start : start + BATCH]
            problems += unlike(self._open(some, CONNECTIONS), some, lengths)
        kb = (self._private() - before) / count / 1000
        return Opened(count, sum(lengths.values()), kb, self.hosts.counts()["hot"], problems)

    def open_slowly(self, count: int, mean: int) -> tuple[list[Got], list[Got], list[str]]:
        """Open cold carts one after the other, and again; return both, and what was wrong."""
        lengths = self._fill(count, mean)
        users = list(lengths)
        cold, hot = self._open(users, 1), self._open(users, 1)
        return cold, hot, unlike(cold, users, lengths) + unlike(hot, users, lengths)

    def _fill(self, count: int, mean: int) -> dict[User, int]:
        users, self.shoppers = self.shoppers[:count], self.shoppers[count:]
        lengths = {each: self.chance.randint(1, 2 * mean - 1) for each in users}
        carts = ((each.id, self.chance.sample(self.products, n)) for each, n in lengths.items())
        fill_carts(self.engine, carts)
        return lengths

    def _open(self, users: Sequence[User], connections: int) -> list[Got]:
        wishes = [Wish("GET", "/api/order-item/", self.wallet.token(each)) for each in users]
        return once(self.run.api_url, wishes, connections)

    def _private(self) -> float:
        return usage_by_role(self.run)["cart hosts"].private * MIB


def measure(options: Options) -> Result:
    """Open many carts and look at the host's memory."""
    count, long = options.pick(CARTS, 5_000), options.pick(CARTS // 5, 2_000)
    cold_count = options.pick(COLD, 200)
    with tempfile.TemporaryDirectory() as name, own_shop(Path(name), SETTINGS) as run:
        engine = engine_of(run)
        products = [each.id for each in stocked(engine, PRODUCTS)]
        shoppers = make_shoppers(engine, WARM_UP + count + long + 2 * cold_count)
        with Hosts(StateFolder(Path(name))) as hosts:
            host = Host(run, engine, Wallet(Path(name)), hosts, shoppers, products)
            warm = host.grow(WARM_UP, SHORT)
            host.open_slowly(cold_count, SHORT)  # nor does one connection find all as it needs it
            short = host.grow(count, SHORT)
            cold, hot, unequal = host.open_slowly(cold_count, SHORT)
            longer = host.grow(long, LONG)
    expected = WARM_UP + cold_count + count
    problems = [*warm.problems, *short.problems, *longer.problems, *unequal]
    if short.hot != expected:
        problems.append(f"{short.hot} carts are hot, not {expected}")
    rows = [
        memory_row(short, least=CARTS),
        memory_row(longer, least=CARTS),
        activation_row(cold, hot, short.hot),
    ]
    return Result(rows, problems)


def unlike(answers: Sequence[Got], users: Sequence[User], lengths: Mapping[User, int]) -> list[str]:
    """Return which carts did not show what was put there. Pure."""
    found = [
        f"the cart of {users[got.number].id} has {got.quantities} lines: {got.status} {got.code}"
        for got in answers
        if (got.status, got.quantities) != (200, lengths[users[got.number]])
        or got.first_id != cart_line(users[got.number].id)
    ]
    missing = len(users) - len(answers)
    return [*found, *([f"{missing} carts could not be read"] if missing else [])]


def memory_row(opened: Opened, *, least: int) -> Row:
    """Return what a cart takes, where at least so many are to be hot. Pure."""
    mean = opened.lines / opened.carts
    figures: dict[str, Figure] = {
        "carts opened": opened.carts,
        "hot in one host": opened.hot,
        "KB a cart": round(opened.kb, 3),
        "lines a cart": round(mean, 2),
        "problems": len(opened.problems),
    }
    return Row(
        f"a hot cart of {mean:.0f} lines: memory",
        f"at most 4 KB, {least:,} in one host",
        f"{opened.kb:.2f} KB, {opened.hot:,} in one host",
        opened.kb <= MOST_KB and opened.hot >= least,
        figures,
    )


def activation_row(cold: Sequence[Got], hot: Sequence[Got], others: int) -> Row:
    """Return how soon a cart answered at first, and again. Pure."""
    figures: dict[str, Figure] = {"connections": 1, "hot carts meanwhile": others}
    times = {"first read": cold, "second read": hot}
    for name, answers in times.items():
        values = percentiles([got.ms for got in answers])
        figures |= {
            f"{name}: {what} ms": round(ms, 2)
            for what, ms in zip(("p50", "p95", "p99"), values, strict=True)
        }
    p50, _, p99 = percentiles([got.ms for got in cold])
    return Row(
        "activation of a cold cart",
        "below 10 ms",
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms over HTTP; "
        f"hot {percentiles([got.ms for got in hot])[0]:.1f} ms",
        p50 < MOST_MS,
        figures,
    )
