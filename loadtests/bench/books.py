"""The databases of the subjects: filled beforehand, and read afterwards to see what was stored."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString, NamedTuple

import psycopg

from loadtests.bench.routes import ORDER_LINES, FullCart, held_by

SETTLE_S = 15.0


class Ledger(NamedTuple):
    """What is stored: pieces in carts, orders, their lines and pieces, pieces left in stock."""

    pieces: int
    orders: int
    lines: int
    sold: int
    stock: int


@dataclass
class Books(ABC):
    """One subject's database at a URL, and the ids of its products."""

    url: str
    products: Sequence[int]
    count: LiteralString
    """SQL that finds the numbers of a `Ledger`."""

    def ledger(self) -> Ledger:
        """Return what is stored now."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute(self.count).fetchone()
        assert row is not None
        return Ledger(*map(int, row))

    def settled(self, before: Ledger, acknowledged: int, what: str) -> Ledger:
        """Return what is stored once `acknowledged` of `pieces` or `orders` more are, or in vain.

        What a load broke off is still being carried out when it ends.
        """
        deadline = time.monotonic() + SETTLE_S
        while True:
            now = self.ledger()
            came = getattr(now, what) - getattr(before, what)
            if came >= acknowledged or time.monotonic() > deadline:
                return now
            time.sleep(0.05)

    @property
    @abstractmethod
    def tokens(self) -> Sequence[str]:
        """A token, good now, for each shopper who adds and reads."""

    @abstractmethod
    def fill_carts(self, lines: int) -> None:
        """Put so many lines into the cart of each shopper who adds and reads."""

    @abstractmethod
    def carts_to_order(self, count: int) -> list[FullCart]:
        """Return up to `count` carts of three lines, each of another shopper; they are stored."""


def problem_of(
    before: Ledger, after: Ledger, acknowledged: int, under_way: int, what: str
) -> str | None:
    """Return what is wrong with what was stored for so many acknowledged adds or orders. Pure.

    `what` names the number of the ledger. So many more may have been `under_way` at the end.
    """
    came = getattr(after, what) - getattr(before, what)
    if came < acknowledged:
        return f"{acknowledged:,} {what} were acknowledged, {came:,} are stored"
    if came > acknowledged + under_way:
        return f"{came:,} {what} are stored, {acknowledged:,} were acknowledged"
    if what == "orders":
        if after.lines - before.lines != came * ORDER_LINES:
            return f"{came:,} orders have {after.lines - before.lines:,} lines"
        if after.sold - before.sold != before.stock - after.stock:
            return (
                f"{after.sold - before.sold:,} pieces were sold, "
                f"{before.stock - after.stock:,} left the stock"
            )
    return None


def to_order(number: int, products: Sequence[int]) -> list[int]:
    """Return the three products in the cart of the order of that number. Pure."""
    return held_by(number * 7, products, ORDER_LINES)
