"""What PostgreSQL holds of a load: its shoppers' carts, commands and orders, and the stock."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, text

from loadtests.book import SoldLine
from pearshop.domain.cart import line_id
from tests.faults.history import History, Line
from tests.faults.linearizable import Cart

Key = tuple[str, bytes]
"""A username and an idempotency key as it is stored."""


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """An order with its lines and the payloads of its events."""

    id: int
    username: str
    key: bytes
    address: str
    total_price: int
    lines: list[SoldLine] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)


class Stored:
    """The rows of a history's shoppers, and all orders that came after its baseline."""

    def __init__(self, connection: Connection, history: History) -> None:
        self._connection = connection
        names = history.shoppers()
        since = history.before.order
        self.users: dict[str, int] = {
            row.username: row.id
            for row in self._rows("SELECT id, username FROM users WHERE username = ANY(:of)", names)
        }
        users = {user_id: name for name, user_id in self.users.items()}
        self.carts = {
            users[row.user_id]: Cart(
                line_id(row.user_id, row.next_number),
                tuple(_line(row.user_id, each) for each in row.lines),
            )
            for row in self._rows(
                "SELECT user_id, next_number, lines FROM carts WHERE user_id = ANY(:of)",
                list(users),
            )
        }
        self.commands: dict[Key, list[Line | None]] = {}
        for row in self._rows(
            "SELECT user_id, key, line FROM cart_commands WHERE user_id = ANY(:of)", list(users)
        ):
            line = None if row.line is None else _line(row.user_id, row.line)
            self.commands.setdefault((users[row.user_id], bytes(row.key)), []).append(line)
        self.orders = self._orders(since)
        self.stock: dict[int, int | None] = {
            row.id: row.stock for row in self._rows("SELECT id, stock FROM products")
        }

    def _orders(self, since: int) -> list[StoredOrder]:
        orders = {
            row.id: StoredOrder(
                row.id, row.username, bytes(row.key), row.delivery_address, row.total_price
            )
            for row in self._rows(
                "SELECT o.id, u.username, o.key, o.delivery_address, o.total_price "
                "FROM orders o JOIN users u ON u.id = o.user_id WHERE o.id > :of ORDER BY o.id",
                since,
            )
        }
        for row in self._rows(
            "SELECT l.order_id, l.id, l.product_id, l.quantity, l.price FROM order_lines l "
            "JOIN orders o ON o.id = l.order_id WHERE o.id > :of ORDER BY l.id",
            since,
        ):
            orders[row.order_id].lines.append(SoldLine(*row[1:]))
        for row in self._rows(
            "SELECT x.subject_id, x.payload FROM outbox x JOIN orders o ON o.id = x.subject_id "
            "WHERE o.id > :of AND x.topic = 'order.placed'",
            since,
        ):
            orders[row.subject_id].events.append(row.payload)
        return list(orders.values())

    def _rows(self, query: str, of: Sequence[object] | int | None = None) -> list[Any]:
        return list(self._connection.execute(text(query), {"of": of} if of is not None else {}))


def digest(key: str) -> bytes:
    """Return an idempotency key as the shop stores it."""
    return hashlib.blake2b(key.encode(), digest_size=16).digest()


def _line(user_id: int, stored: list[int]) -> Line:
    number, product_id, quantity = stored[:3]
    return Line(line_id(user_id, number), product_id, quantity)
