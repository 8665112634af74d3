"""Reports against a plain sum of all orders, whatever was summed when, and by whom."""

import itertools
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine, text

from pearshop.db import fulfilment, report, rollup
from pearshop.db import product as product_rows
from pearshop.db.execute import execute
from pearshop.domain.fulfilment import Status
from pearshop.domain.report import MAX_DAYS, Calendar
from pearshop.domain.user import User
from tests.db.books import ORDER, Books, Kept
from tests.db.conftest import Rows
from tests.db.test_order import place_all, placed, wish

ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/London",
        "America/New_York",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Pacific/Chatham",
        "Pacific/Kiritimati",
        "Africa/Cairo",
        "America/Santiago",
    )
]
MOMENTS = [
    datetime(2025, 3, 31, 14, 7, 3, 123456, tzinfo=UTC),
    datetime(2025, 10, 27, 15, tzinfo=UTC),
    datetime(2025, 4, 7, 3, 59, tzinfo=UTC),
    datetime(2025, 11, 3, 17, 15, 0, 1, tzinfo=UTC),
]
"""A day after clocks were changed here or there."""
DAY = timedelta(days=1)


@pytest.fixture
def books(engine: Engine) -> Books:
    return Books(engine)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("STEP", 7), ("LONG_STEP", 17), ("MANY", 3)):
        monkeypatch.setattr(rollup, name, value)


@pytest.fixture
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one clock there is no need to stay behind: the sums are at the heels of the orders."""
    for name in ("SKEW", "LATE"):
        monkeypatch.setattr(rollup, name, timedelta(0))


def times(chance: random.Random, start: datetime, end: datetime, count: int) -> list[datetime]:
    """Times from `start` to before `end`, many of them at midnight somewhere, or close to it."""
    found = []
    for _ in range(count):
        at = start + chance.random() * (end - start)
        if chance.random() < 0.5:
            at = at.replace(minute=chance.choice((0, 15, 30, 45)), second=0, microsecond=0)
            at += timedelta(microseconds=chance.choice((-1, 0, 1)))
        found.append(min(max(start, at), end - timedelta(microseconds=1)))
    return sorted(found)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("seed", range(8))
def test_a_report_is_right_whatever_happens_between_its_steps(books: Books, seed: int) -> None:
    books.chance = chance = random.Random(seed)
    now = MOMENTS[seed % 4]
    books.place(*times(chance, now - 130 * DAY, now, 150))
    for ago in (70, 20, 3, 0.01):
        books.move_some(0.3, now - ago * DAY)
    while execute(books.engine, rollup.fold, (now,), {}).result() < 1:
        if chance.random() < 0.3:
            books.move_some(0.05, now)
    for _ in range(8):
        for _ in range(chance.randint(0, 3)):
            execute(books.engine, rollup.fold_products, (), {}).result()
        books.move_some(0.05, now)
        for zone in ZONES:
            books.check(now, zone, chance.choice((1, 30, MAX_DAYS)))
        past = now
        now += chance.choice((timedelta(seconds=40), timedelta(hours=5), 3 * DAY, 12 * DAY))
        books.place(*times(chance, past, now, chance.randint(0, 25)))
        books.move_some(0.05, past + (now - past) * chance.random())
        while execute(books.engine, rollup.fold, (now,), {}).result() < 1:
            pass
    books.fold(now)
    for zone in ZONES:
        assert not books.check(now, zone).more


def test_products_that_leave_the_window_or_were_cancelled_are_no_best_sellers(books: Books) -> None:
    now = MOMENTS[0]
    [gone, kept, dropped] = books.place(now - 29 * DAY, now - 20 * DAY, now - 10 * DAY)
    books.fold(now)
    assert len(books.check(now, ZONES[0]).best_sellers) > 0
    books.move(dropped, Status.CANCELLED, now)
    books.check(now, ZONES[0])
    now += 5 * DAY
    books.fold(now)
    found = books.check(now, ZONES[0])
    assert {each.id for each in found.best_sellers} == {product for product, *_ in kept.lines}
    assert _stored(books) == len(kept.lines)
    assert gone.at < now - rollup.WINDOW
    books.place(now + DAY)
    books.fold(now + 40 * DAY)  # it came and left without ever having been summed
    assert books.check(now + 40 * DAY, ZONES[0]).best_sellers == []
    assert _stored(books) == 0


def _stored(books: Books) -> int:
    with books.engine.connect() as connection:
        count: int = connection.execute(text("SELECT count(*) FROM product_sales")).scalar_one()
    return count


@pytest.mark.usefixtures("small_steps")
def test_after_a_long_time_without_reports_products_are_summed_anew(books: Books) -> None:
    now = MOMENTS[0]
    books.place(*times(books.chance, now - 40 * DAY, now, 60))
    books.fold(now)
    books.place(*times(books.chance, now, now + 20 * DAY, 60))
    now += 20 * DAY
    while execute(books.engine, rollup.fold, (now,), {}).result() < 1:
        pass
    assert books.check(now, ZONES[1]).more
    books.fold(now)
    assert not books.check(now, ZONES[1]).more


def test_no_orders_are_no_trouble(books: Books) -> None:
    books.fold(MOMENTS[0])
    found = books.check(MOMENTS[0], ZONES[1])
    assert found.best_sellers == []
    assert not found.more


@pytest.mark.usefixtures("one_clock")
def test_an_order_that_is_committed_late_is_counted_all_the_same(books: Books) -> None:
    """It is dated from before the report that it came too late for."""
    books.place(datetime.now(UTC) - DAY)
    with books.engine.connect() as late:
        late.execute(text("SELECT FROM users FOR UPDATE"))
        values = {"user": books.user, "total": 70, "number": 9, "at": datetime.now(UTC)}
        order = late.execute(ORDER, values).scalar_one()
        books.fold(datetime.now(UTC))
        books.check(datetime.now(UTC), UTC)
        late.commit()
    books.orders.append(Kept(order, values["at"], [(0, 1, 70)]))
    for _ in range(2):  # from the order itself, then from the sums
        now = datetime.now(UTC)
        calendar = Calendar(now, UTC, 30)
        found = execute(books.engine, report.read, (calendar.cuts,), {}).result()
        assert calendar.sales(found.sales).periods[30].figures == (70 + books.orders[0].total, 2)
        assert found.statuses[Status.PLACED] == 2
        books.fold(now)


@pytest.mark.usefixtures("one_clock")
def test_an_order_cancelled_while_it_is_summed_is_not_sold(books: Books) -> None:
    now = datetime.now(UTC)
    [old, new, *_] = books.place(*(now - n * DAY for n in (4, 2, 3, 1)))
    books.fold(now - 3.5 * DAY)
    with books.engine.connect() as summing, books.engine.connect() as cancelling:
        rollup.fold(summing, now)
        for each in (old, new):
            fulfilment.advance(cancelling, each.id, Status.CANCELLED, None, None)
            each.status = Status.CANCELLED
        cancelling.commit()
        summing.commit()
    for _ in range(2):
        books.check(now, UTC)
        books.fold(datetime.now(UTC))


@pytest.mark.usefixtures("one_clock")
def test_many_sum_at_once_while_orders_are_placed_and_cancelled(books: Books, rows: Rows) -> None:
    started, stopped = datetime.now(UTC), threading.Event()
    books.place(*times(books.chance, started - 40 * DAY, started, 60))
    pear, users = rows.product(100), [rows.user() for _ in range(60)]
    for user in users:
        rows.cart(user, **{f"p{pear.id}": 1})

    def shop(user: User) -> None:
        [order] = place_all(rows, [wish(user, 1)])
        if user.id % 2:
            moved = placed(order).order.id
            rows.run(fulfilment.advance, moved, Status.CANCELLED, user.id, user.id)

    def cancel(order: Kept) -> None:
        rows.run(fulfilment.advance, order.id, Status.CANCELLED, None, None)

    def sum_up() -> int:
        for steps in itertools.count():
            if stopped.is_set():
                return steps
            rows.run(rollup.fold, datetime.now(UTC))
            rows.run(rollup.fold_products)
        raise AssertionError("unreachable")

    with ThreadPoolExecutor(6) as pool:
        summing = [pool.submit(sum_up) for _ in range(3)]
        try:
            list(pool.map(cancel, books.orders[::3]))
            list(pool.map(shop, users))
        finally:
            stopped.set()
        assert all(each.result() > 1 for each in summing)
    books.fold(datetime.now(UTC))
    check_sums(books)


@pytest.mark.usefixtures("one_clock", "small_steps")
def test_many_begin_at_once(books: Books) -> None:
    now = datetime.now(UTC)
    books.place(*times(books.chance, now - 40 * DAY, now, 60))
    for _ in range(5):
        with books.engine.begin() as connection:
            connection.execute(text("TRUNCATE report, sales, product_sales"))
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(books.fold, [now] * 6))
        check_sums(books)


def check_sums(books: Books) -> None:
    """Compare the sums themselves; they have to have all orders."""
    with books.engine.connect() as connection:
        for table, plain in PLAIN.items():
            kept = connection.execute(text(f"SELECT * FROM {table}")).all()
            assert sorted(kept) == sorted(connection.execute(text(plain)).all())


STANDING = "orders o WHERE o.status <> 'cancelled'"
PLAIN = {
    "sales WHERE orders <> 0": f"""
SELECT date_bin('15 min', created_at, 'epoch'), count(*), sum(total_price) FROM {STANDING}
GROUP BY 1""",
    "product_sales": f"""
SELECT product_id, sum(quantity), sum(quantity * price)
FROM order_lines JOIN (SELECT id FROM {STANDING} AND o.created_at >= (
  SELECT until - interval '30 days' FROM report)) o ON o.id = order_id
GROUP BY 1""",
    "(SELECT key, value::bigint FROM report, jsonb_each_text(statuses)) s": """
SELECT status, count(*) FROM orders GROUP BY 1""",
}


def test_what_is_low_in_stock_is_told_lowest_first(books: Books, rows: Rows) -> None:
    three, none, five, _, one, hidden = (rows.product(stock=n) for n in (3, 0, 5, 6, 1, 2))
    rows.run(product_rows.hide, hidden.id)
    expected = [(each.id, each.name, each.stock) for each in (none, one, three, five)]
    assert rows.run(report.scarce, 5) == expected
    assert rows.run(report.scarce, 4) == expected[:3]
    assert rows.run(report.scarce, 0) == expected[:1]
    for _ in range(report.FEWEST):
        rows.product(stock=0)
    assert [each.stock for each in rows.run(report.scarce, 5)] == [0] * report.FEWEST
