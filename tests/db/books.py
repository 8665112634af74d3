"""Orders of any date, moved on at any time, and what a report of them must tell, plainly added."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import Engine, text

from pearshop.db import report, rollup
from pearshop.db.execute import execute
from pearshop.db.report import Found
from pearshop.domain.fulfilment import NEXT, Status
from pearshop.domain.report import PERIODS, Calendar, Figures, Period, Sales

ORDER = text("""
INSERT INTO orders (user_id, delivery_address, total_price, key, fingerprint,
                    created_at, updated_at)
VALUES (:user, 'Here', :total, int8send(:number), '', :at, :at) RETURNING id
""")
LINE = text("""
INSERT INTO order_lines (id, order_id, product_id, quantity, price, product_name,
                         created_at, updated_at)
VALUES (:id, :order, :product, :quantity, :price, 'Pear', :at, :at)
""")
MOVE = text("""
WITH moved AS (UPDATE orders SET status = :status, updated_at = :at WHERE id = :order)
INSERT INTO order_events (order_id, status, created_at) VALUES (:order, :status, :at)
""")
PRODUCTS = text("""
INSERT INTO products (name, price)
SELECT 'Pear ' || n, 10 * n FROM generate_series(1, :count) n RETURNING id
""")
USER = text("""
INSERT INTO users (username, username_key, password_hash) VALUES ('ada', 'ada', '') RETURNING id
""")


@dataclass
class Kept:
    """An order as it was written: its lines are `(product, quantity, price)`."""

    id: int
    at: datetime
    lines: list[tuple[int, int, int]]
    status: Status = Status.PLACED

    @property
    def total(self) -> int:
        """What its lines come to."""
        return sum(quantity * price for _, quantity, price in self.lines)


@dataclass
class Books:
    """All orders of a shop."""

    engine: Engine
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    orders: list[Kept] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self.engine.begin() as connection:
            self.products = list(connection.execute(PRODUCTS, {"count": 14}).scalars())
            self.user = connection.execute(USER).scalar_one()

    def place(self, *times: datetime) -> list[Kept]:
        """Write orders of some lines each."""
        placed = [Kept(0, at, self._lines()) for at in times]
        with self.engine.begin() as connection:
            for number, order in enumerate(placed, len(self.orders) + 1):
                head = {"user": self.user, "number": number, "at": order.at, "total": order.total}
                order.id = connection.execute(ORDER, head).scalar_one()
                for place, (product, quantity, price) in enumerate(order.lines):
                    of = {"id": 10 * number + place, "order": order.id, "at": order.at}
                    what = {"product": product, "quantity": quantity, "price": price}
                    connection.execute(LINE, of | what)
        self.orders += placed
        return placed

    def move(self, order: Kept, status: Status, at: datetime) -> None:
        """Move an order on, at a time."""
        with self.engine.begin() as connection:
            connection.execute(MOVE, {"order": order.id, "status": status, "at": at})
        order.status = status

    def move_some(self, share: float, at: datetime) -> None:
        """Move a share of the orders on by a step each, that was possible, at a time."""
        for order in self.orders:
            if order.at < at and NEXT[order.status] and self.chance.random() < share:
                self.move(order, self.chance.choice(NEXT[order.status]), at)

    def fold(self, now: datetime) -> None:
        """Bring the sums up to date, products too."""
        while execute(self.engine, rollup.fold, (now,), {}).result() < 1:
            pass
        while not execute(self.engine, rollup.fold_products, (), {}).result():
            pass

    def check(self, now: datetime, zone: tzinfo, days: int = 30) -> Found:
        """Compare a report with what the orders plainly add up to."""
        calendar = Calendar(now, zone, days)
        found = execute(self.engine, report.read, (calendar.cuts,), {}).result()
        assert isinstance(found, Found)
        assert calendar.sales(found.sales) == self._sales(now, zone, days)
        assert found.statuses == {
            each: sum(order.status == each for order in self.orders) for each in Status
        }
        assert [(e.id, e.pieces, e.revenue) for e in found.best_sellers] == self._best(
            found.best_sellers_since
        )
        return found

    def _lines(self) -> list[tuple[int, int, int]]:
        products = self.chance.sample(self.products, self.chance.randint(1, 3))
        return [(e, self.chance.randint(1, 4), self.chance.randint(1, 500)) for e in products]

    @property
    def _standing(self) -> list[Kept]:
        return [each for each in self.orders if each.status != Status.CANCELLED]

    def _sales(self, now: datetime, zone: tzinfo, days: int) -> Sales:
        here = now.astimezone(zone)
        sold = [
            ((here.date() - at.date()).days, at.time() < here.time(), order.total)
            for order in self._standing
            for at in (order.at.astimezone(zone),)
        ]

        def figures(of: list[int]) -> Figures:
            return Figures(sum(of), len(of))

        return Sales(
            {
                length: Period(
                    figures([total for ago, _, total in sold if ago < length]),
                    figures(
                        [
                            total
                            for ago, earlier, total in sold
                            if length < ago < 2 * length or (ago == length and earlier)
                        ]
                    ),
                )
                for length in PERIODS
            },
            {
                here.date() - timedelta(days=day): figures([t for ago, _, t in sold if ago == day])
                for day in reversed(range(days))
            },
        )

    def _best(self, since: datetime) -> list[tuple[int, int, int]]:
        pieces: Counter[int] = Counter()
        revenue: Counter[int] = Counter()
        for order in self._standing:
            for product, quantity, price in order.lines if order.at >= since else ():
                pieces[product] += quantity
                revenue[product] += quantity * price
        sold = sorted(((pieces[each], revenue[each], each) for each in pieces), reverse=True)
        return [(product, count, money) for count, money, product in sold[: report.BEST]]
