"""The catalogue as it is shown: listed, searched, filtered, sorted, counted.

A list walks an index in its own order and stops when the page is full; a search by best match ranks
a bounded number of hits. So the cost does not grow with the catalogue. Pages follow each other by
keyset.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, func, select, tuple_, union_all

from pearshop.db.execute import read_only, single_statement
from pearshop.db.product import COLUMNS
from pearshop.db.search import completions, hits, matching
from pearshop.db.tables import products
from pearshop.db.words import words_of
from pearshop.domain.product import Ordering, Product

Key = tuple[int | float | str, ...]
"""Where a page ends: the values that its order sorts by, the product's id last. Times are µs."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Listing:
    """Which products, in which order, and which page of them.

    `after` is the key of the last product of the page before; `offset` skips that many instead.
    The ordering "best" needs a search.
    """

    search: str = ""
    category: str | None = None
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool | None = None
    ids: tuple[int, ...] | None = None
    ordering: Ordering = "updated"
    limit: int = 100
    after: Key | None = None
    offset: int = 0


class Listed(NamedTuple):
    """Products, and the key of the last one if there are more after it."""

    products: list[Product]
    after: Key | None


class _Order(NamedTuple):
    columns: tuple[ColumnElement[Any], ...]
    descending: bool

    def sort(self, query: Select[Any], after: tuple[Any, ...] | None) -> Select[Any]:
        """Return the query in this order, from behind the row of that key."""
        if after is not None:
            mine, last = tuple_(*self.columns), tuple_(*after)
            query = query.where(mine < last if self.descending else mine > last)
        return query.order_by(*(each.desc() if self.descending else each for each in self.columns))


ORDERS: dict[str, _Order] = {
    "updated": _Order((products.c.updated_at, products.c.id), descending=True),
    "newest": _Order((products.c.id,), descending=True),
    "name": _Order((products.c.name_key, products.c.id), descending=False),
    "-name": _Order((products.c.name_key, products.c.id), descending=True),
    "price": _Order((products.c.price, products.c.id), descending=False),
    "-price": _Order((products.c.price, products.c.id), descending=True),
}


@read_only
def page(connection: Connection, listing: Listing) -> Listed:
    """Return a page of the products on sale. A search costs two statements, all else one."""
    if listing.search and not words_of(listing.search):
        return Listed([], None)
    query = _selected(connection, listing).limit(listing.limit + 1)
    if listing.offset:
        query = query.offset(listing.offset)
    rows = connection.execute(query).all()
    found = [Product(*row[: len(COLUMNS)]) for row in rows[: listing.limit]]
    more = len(rows) > listing.limit
    return Listed(found, _key(rows[listing.limit - 1][len(COLUMNS) :]) if more else None)


@read_only
def total(connection: Connection, listing: Listing) -> int:
    """Return how many products all pages of a listing have together."""
    if listing.search and not words_of(listing.search):
        return 0
    conditions = _conditions(listing)
    if listing.search:
        query = _tsquery(connection, listing)
        if listing.ordering == "best":
            found = hits(listing.search, query, conditions)
            return _count(connection, select(func.count()).select_from(found))
        conditions.append(products.c.search.op("@@")(query))
    return _count(connection, select(func.count()).select_from(products).where(*conditions))


@read_only
def categories(connection: Connection, limit: int, after: str | None) -> list[tuple[str, int]]:
    """Return up to `limit` categories by name, each with the number of its products on sale."""
    query = (
        select(products.c.category, func.count())
        .where(~products.c.hidden)
        .group_by(products.c.category)
        .order_by(products.c.category)
        .limit(limit)
    )
    if after is not None:
        query = query.where(products.c.category > after)
    return [(name, count) for name, count in connection.execute(query)]


@single_statement
def changed_since(
    connection: Connection, since: datetime, limit: int
) -> list[tuple[int, datetime]]:
    """Return the last `limit` products that staff changed after `since`, hidden ones too, and when.

    The latest come first.
    """
    changed = [
        select(products.c.id, products.c.updated_at)
        .where(hidden, products.c.updated_at > since)
        .order_by(products.c.updated_at.desc())
        .limit(limit)
        .subquery()
        for hidden in (products.c.hidden, ~products.c.hidden)
    ]
    both = union_all(*(each.select() for each in changed)).subquery()
    rows = connection.execute(both.select().order_by(both.c.updated_at.desc()).limit(limit))
    return [(product_id, then) for product_id, then in rows]


def _selected(connection: Connection, listing: Listing) -> Select[Any]:
    """Return the products of a listing in its order, each with the columns of its key."""
    conditions = _conditions(listing)
    if not listing.search:
        return _sorted(listing, conditions)
    query = _tsquery(connection, listing)
    if listing.ordering == "best":
        return _ranked(listing, hits(listing.search, query, conditions))
    return _sorted(listing, [*conditions, products.c.search.op("@@")(query)])


def _sorted(listing: Listing, conditions: list[ColumnElement[bool]]) -> Select[Any]:
    order = ORDERS[listing.ordering]
    after: tuple[Any, ...] | None = listing.after
    if after is not None and listing.ordering == "updated":
        after = (EPOCH + int(after[0]) * MICROSECOND, *after[1:])
    return order.sort(select(*COLUMNS, *order.columns).where(*conditions), after)


def _ranked(listing: Listing, found: Any) -> Select[Any]:
    order = _Order((found.c.rank, found.c.id), descending=True)
    best = order.sort(select(found), listing.after).limit(listing.limit + listing.offset + 1)
    chosen = best.subquery()
    order = _Order((chosen.c.rank, chosen.c.id), descending=True)
    return order.sort(
        select(*COLUMNS, *order.columns).join_from(chosen, products, chosen.c.id == products.c.id),
        None,
    )


def _tsquery(connection: Connection, listing: Listing) -> Any:
    return matching(listing.search, completions(connection, words_of(listing.search)[-1]))


def _conditions(listing: Listing) -> list[ColumnElement[bool]]:
    """Return what all products of a listing have in common, but for the search."""
    conditions: list[ColumnElement[bool]] = [~products.c.hidden]
    if listing.category is not None:
        conditions.append(products.c.category == listing.category)
    if listing.min_price is not None:
        conditions.append(products.c.price >= listing.min_price)
    if listing.max_price is not None:
        conditions.append(products.c.price <= listing.max_price)
    if listing.in_stock is not None:
        conditions.append(products.c.in_stock if listing.in_stock else ~products.c.in_stock)
    if listing.ids is not None:
        conditions.append(products.c.id.in_(listing.ids))
    return conditions


def _key(columns: Any) -> Key:
    return tuple(
        (each - EPOCH) // MICROSECOND if isinstance(each, datetime) else each for each in columns
    )


def _count(connection: Connection, query: Select[Any]) -> int:
    count: int = connection.execute(query).scalar_one()
    return count
