"""What a report tells: the sums that `rollup` keeps, and what has happened since.

Each statement sees one state of both. A report costs no more with a million orders than with a
thousand: it reads quarters of an hour, ten products, and the orders of the last minutes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select, text

from pearshop.db.execute import read_only
from pearshop.db.rollup import EPOCH, KNOWN, MOVES, QUARTER, WINDOW, mark_of, quarter_of
from pearshop.db.tables import products
from pearshop.domain.fulfilment import Status
from pearshop.domain.report import Figures
from pearshop.errors import Unavailable

BEST = 10
"""Products that are told as best sellers."""
FEWEST = 20
"""Products that are told as low in stock."""


class BestSeller(NamedTuple):
    """What was sold of a product in the last 30 days; `revenue` in the shop's price unit."""

    id: int
    name: str
    pieces: int
    revenue: int


class Scarce(NamedTuple):
    """A product on sale of which little is left."""

    id: int
    name: str
    stock: int


class Found(NamedTuple):
    """What a report is made of.

    `sales`: what was sold from each cut on to the next. `best_sellers_since`: from when on they
    are counted: 30 days and some minutes ago, unless `rollup.fold_products` has `more` to do.
    """

    sales: dict[datetime, Figures]
    statuses: dict[Status, int]
    best_sellers: list[BestSeller]
    best_sellers_since: datetime
    more: bool


# `:known` is what `report.until` was a moment ago; it only grows. It tells the planner how little
# there is after it.
NEW = "o.created_at >= :known AND o.created_at >= (SELECT until FROM report)"
NEWLY_CANCELLED = """
order_events e JOIN orders o ON o.id = e.order_id
WHERE e.created_at >= :known AND e.created_at >= (SELECT until FROM report)
AND e.status = 'cancelled' AND o.created_at < (SELECT until FROM report)
"""

SALES = text(f"""
WITH sold AS (
  SELECT quarter AS at, orders, revenue FROM sales
  WHERE quarter >= :first AND quarter <> ALL (CAST(:split AS timestamptz[]))
  UNION ALL
  SELECT o.created_at, 1, o.total_price FROM orders o WHERE {NEW} AND o.status <> 'cancelled'
  UNION ALL
  SELECT o.created_at, -1, -o.total_price FROM {NEWLY_CANCELLED}
  AND date_bin(:quarter, o.created_at, :epoch) <> ALL (CAST(:split AS timestamptz[]))
  UNION ALL
  SELECT single.created_at, 1, single.total_price
  FROM unnest(CAST(:split AS timestamptz[])) AS quarter, LATERAL (
    SELECT o.created_at, o.total_price FROM orders o
    WHERE o.created_at >= quarter AND o.created_at < quarter + :quarter
    AND o.status <> 'cancelled' AND o.created_at < (SELECT until FROM report)
    OFFSET 0  -- one look into the index for each, whatever the planner thinks
  ) AS single
)
SELECT width_bucket(at, :cuts) AS part, sum(revenue)::bigint, sum(orders)::bigint
FROM sold WHERE at >= :first GROUP BY part
""")  # noqa: S608 - made of constants
"""Quarters of an hour, but for those that a cut goes through (`split`): these order by order."""

STATUSES = text(f"""
SELECT status, sum(orders)::bigint FROM (
{KNOWN} UNION ALL
SELECT 'placed', count(*) FROM orders o WHERE {NEW} UNION ALL
{MOVES.format(start=":known", end="'infinity'", first="'-infinity'", last="'infinity'")}
AND e.created_at >= (SELECT until FROM report)
) each GROUP BY status
""")  # noqa: S608 - made of constants

BEST_SELLERS = text(f"""
WITH lately AS (
  SELECT l.product_id, sum(t.sign * l.quantity) AS pieces,
         sum(t.sign * l.quantity * l.price) AS revenue
  FROM (
    SELECT o.id, 1 AS sign FROM orders o WHERE {NEW} AND o.status <> 'cancelled'
    UNION ALL
    SELECT o.id, -1 FROM {NEWLY_CANCELLED}
    AND o.created_at >= (SELECT greatest(products, until - :window) FROM report)
  ) t JOIN order_lines l ON l.order_id = t.id GROUP BY l.product_id
), best AS (
  (SELECT product_id, pieces, revenue FROM product_sales
   WHERE product_id NOT IN (SELECT product_id FROM lately)
   ORDER BY pieces DESC, revenue DESC, product_id DESC LIMIT :count)
  UNION ALL
  SELECT product_id, lately.pieces + COALESCE(s.pieces, 0),
         lately.revenue + COALESCE(s.revenue, 0)
  FROM lately LEFT JOIN product_sales s USING (product_id)
  ORDER BY pieces DESC, revenue DESC, product_id DESC LIMIT :count
)
SELECT greatest(products, until - :window), products > until - :window, sold.*
FROM report LEFT JOIN (
  SELECT p.id, p.name, best.pieces::bigint, best.revenue::bigint
  FROM best JOIN products p ON p.id = best.product_id WHERE best.pieces > 0
) sold ON true
ORDER BY pieces DESC, revenue DESC, id DESC
""")  # noqa: S608 - made of constants


@read_only
def read(connection: Connection, cuts: Sequence[datetime]) -> Found:
    """Return what a report is made of, from the first of these times, in order, until now.

    Cancelled orders count by status only. Raises `Unavailable` where `rollup.fold` has not been
    called until nothing was lacking.
    """
    mark = mark_of(connection)
    if mark is None or mark.since > EPOCH:
        raise Unavailable("Past orders are yet to be added up.")
    times = {"known": mark.until, "quarter": QUARTER, "epoch": EPOCH, "window": WINDOW}
    split = list({quarter_of(cut) for cut in cuts if quarter_of(cut) != cut})
    sold = connection.execute(SALES, times | {"cuts": list(cuts), "first": cuts[0], "split": split})
    statuses: dict[str, int] = dict(map(tuple, connection.execute(STATUSES, times)))
    best = connection.execute(BEST_SELLERS, times | {"count": BEST}).all()
    return Found(
        {cuts[part - 1]: Figures(revenue, orders) for part, revenue, orders in sold},
        {each: statuses.get(each, 0) for each in Status},
        [BestSeller(*row[2:]) for row in best if row.id is not None],
        *best[0][:2],
    )


@read_only
def scarce(connection: Connection, low: int) -> list[Scarce]:
    """Return up to 20 products on sale with a counted stock of at most `low`, lowest first.

    An index has those that are sold out, and no other stock: each order would have to write it.
    Where fewer are sold out, all products are read.
    """
    of_these = select(products.c.id, products.c.name, products.c.stock).where(~products.c.hidden)
    lately = (products.c.updated_at.desc(), products.c.id.desc())
    sold_out = of_these.where(~products.c.in_stock).order_by(*lately).limit(FEWEST)
    found = [Scarce(*row) for row in connection.execute(sold_out)]
    if len(found) < FEWEST and low > 0:
        few = of_these.where(products.c.stock.between(1, low)).order_by(products.c.stock, *lately)
        found += [Scarce(*row) for row in connection.execute(few.limit(FEWEST - len(found)))]
    return found
