"""The sums of orders that reports read, brought up to date by whoever wants a report.

Orders, and what became of them, are logs that only grow: `orders` and `order_events`. The sums have
what both held before `report.until`, of orders placed since `report.since`; what came later
`pearshop.db.report` adds. So to place, move or cancel an order writes nothing here and waits for
nobody, and no cancelling can be missed: it is an entry of a log as any other.

What may still be written is left alone. Orders and events are dated by their writers, who hold a
lock, and so have a transaction id, by then. What is dated before the oldest transaction that has
one is committed or never will be, but for clocks that differ, see `SKEW`.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, TextClause, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from pearshop.db.tables import product_sales, report
from pearshop.domain.report import MAX_DAYS

SKEW = timedelta(minutes=1)
"""By how much less the clocks of a shop differ. An order's transaction takes less, too, should the
server keep no account of transactions (`track_activities`)."""
LATE = timedelta(minutes=1)
"""How far the sums stay behind what is closed before it is worth a step."""
STEP = 10_000
"""Orders with their lines, or events, that one step takes, in some tenths of a second."""
LONG_STEP = 50_000
"""Orders without their lines."""
QUARTER = timedelta(minutes=15)
REACH = timedelta(days=MAX_DAYS + 1)
"""How far back sales are summed: to where the days of a report begin, in any zone."""
WINDOW = timedelta(days=30)
"""How far back from `until` the sums of products go."""
MANY = 10
"""When more steps than these are to be taken, products are summed anew, aside from the reports."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""`since` where the sums have all orders; quarters of an hour are counted from here, too."""


class Mark(NamedTuple):
    """Which part of the logs the sums have; the sums of products only from `products` on."""

    since: datetime
    until: datetime
    products: datetime

    @property
    def products_since(self) -> datetime:
        """From when on the sums of products have orders."""
        return max(self.products, self.until - WINDOW)


CLOSED = text("""
SELECT least(:now, clock_timestamp(), min(xact_start)) FROM pg_stat_activity
WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> pg_backend_pid()
""")

FORWARD = text("""
SELECT least(
  :closed,
  (SELECT created_at FROM orders WHERE created_at > :until AND created_at < :closed
   ORDER BY created_at OFFSET :step LIMIT 1),
  (SELECT created_at FROM order_events WHERE created_at > :until AND created_at < :closed
   ORDER BY created_at OFFSET :step LIMIT 1),
  (SELECT created_at + :window FROM orders
   WHERE created_at > :until - :window AND created_at < :closed - :window
   ORDER BY created_at OFFSET :step LIMIT 1))
""")

BACKWARD = text("""
SELECT greatest(
  :first,
  (SELECT created_at FROM orders WHERE created_at < :before
   ORDER BY created_at DESC OFFSET :step LIMIT 1))
""")

STANDS = """
(o.status <> 'cancelled' OR EXISTS (
  SELECT FROM order_events c
  WHERE c.order_id = o.id AND c.status = 'cancelled' AND c.created_at >= {until}))
"""
"""Of an order `o`: whether it had not been cancelled before `until`."""

CHANGED = f"""
SELECT o.id, o.created_at, 1 AS sign, o.total_price FROM orders o
WHERE o.created_at >= :start AND o.created_at < :end AND {STANDS.format(until=":until")}
UNION ALL
SELECT o.id, o.created_at, -1, -o.total_price
FROM order_events e JOIN orders o ON o.id = e.order_id
WHERE e.status = 'cancelled' AND e.created_at >= :before AND e.created_at < :until
AND o.created_at >= :first AND o.created_at < :before
"""  # noqa: S608 - made of constants
"""Orders placed from `start` to `end`, and those that were cancelled from `before` to `until`, if
they were placed since `first`: one more, one less."""

ADD_SALES = text(f"""
INSERT INTO sales (quarter, orders, revenue)
SELECT date_bin(:quarter, created_at, :epoch), sum(sign), sum(total_price)
FROM ({CHANGED}) changed GROUP BY 1
ON CONFLICT (quarter) DO UPDATE
SET orders = sales.orders + excluded.orders, revenue = sales.revenue + excluded.revenue
""")  # noqa: S608 - made of constants

ADD_PRODUCTS = text(f"""
INSERT INTO product_sales (product_id, pieces, revenue)
SELECT l.product_id, sum(c.sign * l.quantity), sum(c.sign * l.quantity * l.price)
FROM (
  SELECT id, sign FROM ({CHANGED}) changed
  UNION ALL
  SELECT o.id, -1 FROM orders o
  WHERE o.created_at >= :leaving AND o.created_at < :left AND {STANDS.format(until=":before")}
) c JOIN order_lines l ON l.order_id = c.id
GROUP BY l.product_id ORDER BY l.product_id
ON CONFLICT (product_id) DO UPDATE
SET pieces = product_sales.pieces + excluded.pieces,
    revenue = product_sales.revenue + excluded.revenue
""")  # noqa: S608 - made of constants
"""Orders from `leaving` to `left` leave the window."""

MOVES = """
SELECT moved.status, moved.orders FROM order_events e JOIN orders o ON o.id = e.order_id,
LATERAL (VALUES (e.status, 1), (COALESCE((
  SELECT p.status FROM order_events p
  WHERE p.order_id = e.order_id AND p.id < e.id ORDER BY p.id DESC LIMIT 1), 'placed'), -1)
) AS moved(status, orders)
WHERE e.created_at >= {start} AND e.created_at < {end}
AND o.created_at >= {first} AND o.created_at < {last}
"""
"""Events from `start` to `end` of orders placed from `first` to `last`: one order more in a status,
one less in another."""
KNOWN = "SELECT key AS status, value::bigint AS orders FROM report, jsonb_each_text(statuses)"


def _count(*changes: str) -> TextClause:
    """Return what moves the mark and changes the counts of orders by status."""
    counts = " UNION ALL ".join((KNOWN, *changes))
    return text(f"""
UPDATE report SET since = :since, until = :until, products = :products, statuses = (
  SELECT COALESCE(jsonb_object_agg(status, orders), '{{}}') FROM (
    SELECT status, sum(orders) AS orders FROM ({counts}) each GROUP BY status) sums)
""")  # noqa: S608 - made of constants


COUNT_FORWARD = _count(
    "SELECT 'placed', count(*) FROM orders WHERE created_at >= :start AND created_at < :until",
    MOVES.format(start=":start", end=":until", first=":since", last="'infinity'"),
)
LATER = MOVES.format(start=":until", end="'infinity'", first=":since", last=":end")
COUNT_BACKWARD = _count(
    "SELECT status, count(*) FROM orders WHERE created_at >= :since AND created_at < :end "
    "GROUP BY status",
    f"SELECT status, -orders FROM ({LATER}) later",  # noqa: S608 - made of constants
)


def quarter_of(moment: datetime) -> datetime:
    """Return when the quarter of an hour began that a moment is in. Pure."""
    return moment - (moment - EPOCH) % QUARTER


def mark_of(connection: Connection, *, lock: bool = False) -> Mark | None:
    """Return which part of the logs the sums have; `None` before the first step.

    With `lock`, nobody else moves it until the transaction ends.
    """
    query = select(*(report.c[name] for name in Mark._fields))
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else Mark(*row)


def fold(connection: Connection, now: datetime) -> float:
    """Bring the sums on by a step; return which share of what a report needs they have, 1 for all.

    One caller at a time does it, the others wait. Products are summed back by `fold_products`.
    """
    mark = mark_of(connection)
    if mark is not None and mark.since == EPOCH and now - SKEW - mark.until <= LATE:
        return 1.0
    mark = mark_of(connection, lock=True)
    closed: datetime = connection.execute(CLOSED, {"now": now}).scalar_one() - SKEW
    if mark is None:
        first = {"since": closed, "until": closed, "products": closed, "statuses": {}}
        connection.execute(insert(report).values(first).on_conflict_do_nothing())
        return 0.0
    oldest = quarter_of(now - REACH)
    if closed - mark.until > LATE:
        mark = _forward(connection, mark, closed)
    elif mark.since > EPOCH:
        mark = _backward(connection, mark, oldest)
    if mark.since == EPOCH and closed - mark.until <= LATE:
        return 1.0
    share: float = (mark.until - max(mark.since, oldest)) / (closed - oldest)
    return min(share, 0.99)


def fold_products(connection: Connection) -> bool:
    """Sum products back by a step; return whether that was the last."""
    mark = mark_of(connection, lock=True)
    if mark is None or mark.products <= mark.until - WINDOW:
        return True
    since = _before(connection, mark.products, mark.until - WINDOW, STEP)
    _add_products(connection, mark, start=since, end=mark.products, until=mark.until)
    connection.execute(update(report).values(products=since))
    return since <= mark.until - WINDOW


def _forward(connection: Connection, mark: Mark, closed: datetime) -> Mark:
    """Take what came after `until`, as far as it is closed."""
    if _after(connection, mark, closed, MANY * STEP) < closed:
        until = _after(connection, mark, closed, LONG_STEP)
        connection.execute(delete(product_sales))
        new = mark._replace(until=until, products=until)
    else:
        until = _after(connection, mark, closed, STEP)
        start = max(mark.until, mark.products, until - WINDOW)
        _add_products(connection, mark, start=start, end=until, until=until)
        new = mark._replace(until=until)
    _add_sales(connection, mark, start=mark.until, end=until, until=until)
    connection.execute(COUNT_FORWARD, {"start": mark.until, **new._asdict()})
    return new


def _backward(connection: Connection, mark: Mark, oldest: datetime) -> Mark:
    """Take orders from before `since`, as they were at `until`; very old ones only count."""
    summed = mark.since > oldest
    since = _before(connection, mark.since, oldest if summed else EPOCH, LONG_STEP)
    if summed:
        _add_sales(connection, mark, start=since, end=mark.since, until=mark.until)
    new = mark._replace(since=since)
    connection.execute(COUNT_BACKWARD, {"end": mark.since, **new._asdict()})
    return new


def _after(connection: Connection, mark: Mark, closed: datetime, step: int) -> datetime:
    """Return up to when so many orders, or events, at most came or left, but not after `closed`."""
    reach = {"closed": closed, "until": mark.until, "window": WINDOW, "step": step}
    found: datetime = connection.execute(FORWARD, reach).scalar_one()
    return found


def _before(connection: Connection, before: datetime, first: datetime, step: int) -> datetime:
    """Return when the order was placed that is so many before a time, but not before `first`."""
    found: datetime = connection.execute(
        BACKWARD, {"before": before, "first": first, "step": step}
    ).scalar_one()
    return found


def _add_sales(
    connection: Connection, mark: Mark, start: datetime, end: datetime, until: datetime
) -> None:
    first = max(mark.since, mark.until - REACH)
    times = {"start": start, "end": end, "before": mark.until, "until": until, "first": first}
    connection.execute(ADD_SALES, times | {"quarter": QUARTER, "epoch": EPOCH})


def _add_products(
    connection: Connection, mark: Mark, start: datetime, end: datetime, until: datetime
) -> None:
    begin = until - WINDOW
    first = max(mark.products, begin)
    times = {"start": start, "end": end, "before": mark.until, "until": until, "first": first}
    left = {"leaving": mark.products_since, "left": min(begin, mark.until)}
    connection.execute(ADD_PRODUCTS, times | left)
    connection.execute(delete(product_sales).where(product_sales.c.pieces == 0))
