"""What a report of a shop with many past orders costs. `uv run python -m loadtests.reports`.

Fills an own PostgreSQL with products, and with orders of three lines over 90 days; most were
delivered, some cancelled. Asks for reports as an `Api` replica without cache does, for the same
figures added up anew each time, and places orders with and without reports beside. Prints a
Markdown table.
"""

import argparse
import itertools
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, event

from loadtests.accounts import make_shoppers
from loadtests.many_products import fill as fill_products
from loadtests.scenarios import past_orders
from loadtests.scenarios.stock import fill_carts, vacuum
from loadtests.tables import Sheet
from pearshop.db import order, placement, report, rollup
from pearshop.db.embedded import EmbeddedPostgres
from pearshop.db.engine import make_engine
from pearshop.db.execute import execute
from pearshop.db.migrate import upgrade
from pearshop.db.order import Placed, PlaceOrder
from pearshop.domain.report import Calendar
from pearshop.domain.user import User
from pearshop.settings import Settings

SPAN = timedelta(days=90)
SHOPPERS = 10_000
ROUNDS = 50
ZONES = [ZoneInfo(each) for each in ("UTC", "Europe/London", "Asia/Kolkata", "America/New_York")]

MOVES = """
INSERT INTO order_events (order_id, status, created_at)
SELECT o.id, s.status, o.created_at + s.days * interval '1 day' FROM orders o,
(VALUES (1, 'packed'), (2, 'shipped'), (3, 'delivered'), (0.1, 'cancelled')) AS s(days, status)
WHERE (mod(o.id, 50) = 0) = (s.status = 'cancelled')
AND o.created_at + s.days * interval '1 day' < now() ORDER BY o.id, s.days;
UPDATE orders o SET status = e.status FROM (
  SELECT DISTINCT ON (order_id) order_id, status FROM order_events ORDER BY order_id, id DESC
) e WHERE e.order_id = o.id
"""
STOCKED = "SELECT id FROM products WHERE stock >= 100"
ANEW = {
    "sales of 60 days by day": """
SELECT date_bin('1 day', created_at, 'epoch'), count(*), sum(total_price) FROM orders
WHERE created_at >= now() - interval '60 days' AND status <> 'cancelled' GROUP BY 1""",
    "orders by status": "SELECT status, count(*) FROM orders GROUP BY status",
    "best sellers": """
SELECT product_id, sum(quantity), sum(quantity * price)
FROM order_lines l JOIN orders o ON o.id = l.order_id
WHERE o.created_at >= now() - interval '30 days' AND o.status <> 'cancelled'
GROUP BY 1 ORDER BY 2 DESC, 3 DESC LIMIT 10""",
    "low stock, as where few are sold out": """
SELECT id, name, stock FROM products WHERE NOT hidden AND stock BETWEEN 1 AND 5
ORDER BY stock, updated_at DESC, id DESC LIMIT 20""",
}


class Measured:
    """Times (ms) and counts of statements, by what was done."""

    def __init__(self, engine: Engine) -> None:
        self.rows: list[tuple[str, ...]] = []
        self._engine = engine
        self._sent = 0
        event.listen(engine, "before_cursor_execute", self._note)

    def run(self, what: str, act: Callable[[], Any], rounds: int = 1) -> None:
        """Do something so often, and note what it took."""
        took, sent = [], self._sent
        for _ in range(rounds):
            began = time.perf_counter()
            act()
            took.append((time.perf_counter() - began) * 1e3)
        middle, worst = statistics.median(took), max(took)
        count = f"{(self._sent - sent) / rounds:.0f}"
        self.rows.append((what, f"{middle:,.1f}", f"{worst:,.1f}", count, str(rounds)))
        print(*self.rows[-1], flush=True)

    def _note(self, *_: Any) -> None:
        self._sent += threading.current_thread() is threading.main_thread()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--products", type=int, default=200_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder) / "pg") as server:
        engine = make_engine(Settings(database_url=server.url), pool_size=4)
        shoppers = _fill(engine, options.orders, options.products)
        measured = Measured(engine)
        _reports(engine, measured)
        wishes = _orders(engine, shoppers)
        for what, context in (("", _alone), (" while reports are made", _with_reports)):
            with context(engine):
                measured.run(f"an order of three lines{what}", wishes.__next__, 20 * ROUNDS)
        engine.dispose()
    print(Sheet(("", "median ms", "most ms", "statements", "times"), measured.rows).markdown())


def _fill(engine: Engine, orders: int, products: int) -> list[User]:
    upgrade(engine)
    fill_products(engine, products)
    shoppers = make_shoppers(engine, SHOPPERS)
    past_orders.fill(engine, orders, shoppers, list(range(1, products + 1)), SPAN / orders)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql(MOVES)
    vacuum(engine, "orders", "order_events")
    return shoppers


def _reports(engine: Engine, measured: Measured) -> None:
    zones = itertools.cycle(ZONES)
    for what, query in ANEW.items():
        measured.run(f"anew: {what}", partial(_ask, engine, query), 5)
    low = (5,)
    measured.run("low stock", lambda: execute(engine, report.scarce, low, {}).result(), ROUNDS)
    measured.run("the first report", lambda: _report(engine, next(zones)))
    measured.run("best sellers of 30 days, aside", lambda: _best_sellers(engine))
    measured.run("a report", lambda: _report(engine, next(zones)), ROUNDS)


def _ask(engine: Engine, query: str) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(query).all()


def _report(engine: Engine, zone: ZoneInfo) -> None:
    now = datetime.now(UTC)
    while execute(engine, rollup.fold, (now,), {}).result() < 1:
        pass
    execute(engine, report.read, (Calendar(now, zone, 30).cuts,), {}).result()


def _best_sellers(engine: Engine) -> None:
    while not execute(engine, rollup.fold_products, (), {}).result():
        pass


def _orders(engine: Engine, shoppers: list[User]) -> Iterator[None]:
    """Place an order of three lines each time."""
    execute(engine, placement.bound_hosts, (1, 1, ""), {}).result()
    grant = execute(engine, placement.claim, (0, "reports"), {}).result()
    with engine.connect() as connection:
        goods = connection.exec_driver_sql(STOCKED).scalars().all()
    chance = random.Random(1)
    fill_carts(engine, [(each.id, chance.sample(goods, 3)) for each in shoppers])
    for user in shoppers:
        wish = PlaceOrder(user.id, user.username, b"reports", b"", (1, 2, 3), "1 Orchard Lane")
        [placed] = execute(engine, order.place, (grant, [wish]), {}).result()
        assert isinstance(placed, Placed), placed
        yield


@contextmanager
def _alone(_: Engine) -> Iterator[None]:
    yield


@contextmanager
def _with_reports(engine: Engine) -> Iterator[None]:
    """Make ten reports a second meanwhile: as many as fifty kinds of dashboards cost."""
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.1):
            _report(engine, ZONES[1])

    asking = threading.Thread(target=ask)
    asking.start()
    yield
    over.set()
    asking.join()


if __name__ == "__main__":
    main()
