"""The catalogue as it is shown: listed, searched, filtered, sorted, counted.

A list walks an index in its own order and stops when the page is full; a search by best match ranks
a bounded number of hits. So the cost does not grow with the catalogue. Pages follow each other by
keyset.
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, union_all

from pearshop.db.execute import read_only, single_statement
from pearshop.db.listing import Key, Listing, key_of, kind_of, page_of, parameters, total_of
from pearshop.db.product import COLUMNS
from pearshop.db.search import completions
from pearshop.db.tables import products
from pearshop.db.words import words_of
from pearshop.domain.product import Product


class Listed(NamedTuple):
    """Products, and the key of the last one if there are more after it."""

    products: list[Product]
    after: Key | None


@read_only
def page(connection: Connection, listing: Listing) -> Listed:
    """Return a page of the products on sale. A search costs two statements, all else one."""
    if _finds_nothing(listing):
        return Listed([], None)
    rows = connection.execute(page_of(kind_of(listing)), _wish(connection, listing)).all()
    found = [Product(*row[: len(COLUMNS)]) for row in rows[: listing.limit]]
    more = len(rows) > listing.limit
    return Listed(found, key_of(rows[listing.limit - 1][len(COLUMNS) :]) if more else None)


@read_only
def total(connection: Connection, listing: Listing) -> int:
    """Return how many products all pages of a listing have together."""
    if _finds_nothing(listing):
        return 0
    count: int = connection.execute(
        total_of(kind_of(listing)), _wish(connection, listing)
    ).scalar_one()
    return count


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


def _finds_nothing(listing: Listing) -> bool:
    """Return whether what is sought are no words."""
    return bool(listing.search) and not words_of(listing.search)


def _wish(connection: Connection, listing: Listing) -> dict[str, Any]:
    ends = completions(connection, words_of(listing.search)[-1]) if listing.search else ()
    return parameters(listing, ends)
