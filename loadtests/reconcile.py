"""The audit: what shoppers were told against what the database holds.

It looks only at what came after a `Baseline`, so a shop can be replayed on again and again; while
a replay runs, nobody else may use the shop.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from loadtests.book import Book, SoldLine

SHOWN = 3
"""Examples that a finding names."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The shop before the replay: its newest ids, and price and stock by product id."""

    user: int
    order: int
    event: int
    prices: dict[int, int]
    stock: dict[int, int | None]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: how many things it looked at, and what is wrong with which of them."""

    check: str
    looked_at: int
    wrong: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong

    def summary(self) -> str:
        """Return `ok`, or what failed with a few examples."""
        if self.ok:
            return "ok"
        more = f" and {len(self.wrong) - SHOWN} more" if len(self.wrong) > SHOWN else ""
        return f"FAILED: {'; '.join(self.wrong[:SHOWN])}{more}"


def take_baseline(connection: Connection) -> Baseline:
    """Return the shop as it is now."""
    rows = _rows(connection, "SELECT id, price, stock FROM products")
    return Baseline(
        user=_newest(connection, "users"),
        order=_newest(connection, "orders"),
        event=_newest(connection, "outbox"),
        prices={row.id: row.price for row in rows},
        stock={row.id: row.stock for row in rows},
    )


def audit(connection: Connection, before: Baseline, book: Book) -> list[Finding]:
    """Return one finding for each check, good ones too."""
    now = _Now(connection, before)
    checks: tuple[Callable[[_Now, Baseline, Book], Finding], ...] = (
        _answers,
        _orders_kept,
        _orders_known,
        _lines,
        _totals,
        _stock,
        _events,
        _carts,
        _users,
    )
    return [check(now, before, book) for check in checks]


class _Now:
    """What the database holds since the baseline."""

    def __init__(self, connection: Connection, before: Baseline) -> None:
        since = {"user": before.user, "order": before.order, "event": before.event}
        self.orders = {
            row.id: row
            for row in _rows(
                connection,
                "SELECT o.id, o.total_price, u.username FROM orders o "
                "JOIN users u ON u.id = o.user_id WHERE o.id > :order",
                since,
            )
        }
        self.lines: dict[int, list[SoldLine]] = {}
        for row in _rows(
            connection,
            "SELECT order_id, id, product_id, quantity, price FROM order_lines "
            "WHERE order_id > :order ORDER BY id",
            since,
        ):
            self.lines.setdefault(row.order_id, []).append(SoldLine(*row[1:]))
        self.events = [
            row.subject_id
            for row in _rows(
                connection,
                "SELECT subject_id FROM outbox WHERE id > :event AND topic = 'order.placed'",
                since,
            )
        ]
        self.stock = {
            row.id: row.stock for row in _rows(connection, "SELECT id, stock FROM products")
        }
        self.carts = {
            row.username: {line[1]: line[2] for line in row.lines}
            for row in _rows(
                connection,
                "SELECT u.username, c.lines FROM carts c JOIN users u ON u.id = c.user_id "
                "WHERE u.id > :user",
                since,
            )
        }
        self.users = [
            row.username
            for row in _rows(connection, "SELECT username FROM users WHERE id > :user", since)
        ]


def _answers(_now: _Now, _before: Baseline, book: Book) -> Finding:
    return Finding("every answer fits its request", len(book.orders), tuple(book.problems))


def _orders_kept(now: _Now, _before: Baseline, book: Book) -> Finding:
    wrong = [
        f"order {order.order_id} of {order.username} is lost"
        for order in book.orders.values()
        if order.order_id not in now.orders or now.orders[order.order_id].username != order.username
    ]
    return Finding("every acknowledged order is there", len(book.orders), tuple(wrong))


def _orders_known(now: _Now, _before: Baseline, book: Book) -> Finding:
    wrong = [
        f"order {row.id} of {row.username} was never acknowledged"
        for row in now.orders.values()
        if row.id not in book.orders
    ]
    return Finding("no order is there twice or unasked for", len(now.orders), tuple(wrong))


def _lines(now: _Now, before: Baseline, book: Book) -> Finding:
    wrong = []
    for order in book.orders.values():
        kept = now.lines.get(order.order_id, [])
        if sorted(order.lines) != kept:
            wrong.append(f"order {order.order_id} was answered with other lines than it has")
        wrong += [
            f"line {line.id} is charged at {line.price}"
            for line in kept
            if line.price != before.prices.get(line.product_id)
        ]
    count = sum(len(lines) for lines in now.lines.values())
    return Finding("every line, quantity and price is right", count, tuple(wrong))


def _totals(now: _Now, before: Baseline, book: Book) -> Finding:
    wrong = []
    for order in book.orders.values():
        asked = sum(before.prices.get(line.product_id, 0) * line.quantity for line in order.lines)
        kept = sum(line.price * line.quantity for line in now.lines.get(order.order_id, []))
        stored = getattr(now.orders.get(order.order_id), "total_price", None)
        if not asked == kept == order.total_price == stored:
            wrong.append(
                f"order {order.order_id}: {asked} asked, {order.total_price} answered, "
                f"{kept} in lines, {stored} stored"
            )
    return Finding("every total is right", len(book.orders), tuple(wrong))


def _stock(now: _Now, before: Baseline, _book: Book) -> Finding:
    sold: dict[int, int] = {}
    for lines in now.lines.values():
        for line in lines:
            sold[line.product_id] = sold.get(line.product_id, 0) + line.quantity
    wrong = []
    for product_id, stock in before.stock.items():
        left = now.stock.get(product_id)
        if stock is not None and (left is None or left + sold.get(product_id, 0) != stock):
            wrong.append(
                f"product {product_id}: {stock} at first, {sold.get(product_id, 0)} sold, "
                f"{left} left"
            )
    return Finding("stock at first = left + sold", len(before.stock), tuple(wrong))


def _events(now: _Now, _before: Baseline, book: Book) -> Finding:
    once = set(now.events)
    wrong = [f"order {order_id} has no event" for order_id in book.orders if order_id not in once]
    wrong += [f"event of unknown order {order}" for order in once if order not in book.orders]
    if len(once) != len(now.events):
        wrong.append(f"{len(now.events) - len(once)} events came twice")
    return Finding("the outbox has each order once", len(now.events), tuple(wrong))


def _carts(now: _Now, _before: Baseline, book: Book) -> Finding:
    wrong = [
        f"cart of {name} holds {now.carts.get(name, {})} instead of {book.carts.get(name, {})}"
        for name in now.carts.keys() | book.carts.keys()
        if now.carts.get(name, {}) != book.carts.get(name, {})
    ]
    lines = sum(len(cart) for cart in book.carts.values())
    return Finding("carts hold just what was not ordered (lines)", lines, tuple(wrong))


def _users(now: _Now, _before: Baseline, book: Book) -> Finding:
    wrong = [f"account {name} is no shopper's" for name in now.users if name not in book.carts]
    return Finding("no account but the shoppers'", len(now.users), tuple(wrong))


def _newest(connection: Connection, table: str) -> int:
    query = f"SELECT COALESCE(max(id), 0) FROM {table}"  # noqa: S608 - names of this module
    return int(connection.execute(text(query)).scalar_one())


def _rows(connection: Connection, query: str, values: dict[str, int] | None = None) -> list[Any]:
    return list(connection.execute(text(query), values or {}))
