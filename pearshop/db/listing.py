"""Which products are listed, in which order: the statements that find them.

To build a statement takes longer than PostgreSQL takes to answer it. So each kind of listing has
one, built once, and what differs within the kind are its parameters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Subquery, bindparam, func, select, tuple_

from pearshop.db.product import COLUMNS
from pearshop.db.search import hits, matching, sought
from pearshop.db.tables import products
from pearshop.db.words import words_of
from pearshop.domain.product import Ordering

Key = tuple[int | float | str, ...]
"""Where a page ends: the values that its order sorts by, the product's id last. Times are µs."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Listing:
    """Which products, in which order, and which page of them.

    `after` is the key of the last product of the page before; `offset` skips that many instead.
    The ordering "best" needs a search. `hidden`: those off sale, in place of those on it.
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
    hidden: bool = False


class Kind(NamedTuple):
    """What decides the text of a listing's statements. `words`: those sought, 2 for more."""

    words: int
    ordering: Ordering
    filters: frozenset[str]
    in_stock: bool | None
    hidden: bool
    after: bool


class _Order(NamedTuple):
    columns: tuple[ColumnElement[Any], ...]
    descending: bool

    def sort(self, query: Select[Any], *, after: bool) -> Select[Any]:
        """Return the query in this order, from behind the row of the key if there is one."""
        if after:
            last = tuple_(*(bindparam(_after(at)) for at in range(len(self.columns))))
            mine = tuple_(*self.columns)
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

FILTERS: dict[str, ColumnElement[bool]] = {
    "category": products.c.category == bindparam("category"),
    "min_price": products.c.price >= bindparam("min_price"),
    "max_price": products.c.price <= bindparam("max_price"),
    "ids": products.c.id.in_(bindparam("ids", expanding=True)),
}
KINDS = 500
"""Statements that are kept; those that people ask for are few."""


def kind_of(listing: Listing) -> Kind:
    """Return the kind of a listing."""
    given = (each for each in FILTERS if getattr(listing, each) is not None)
    words = min(2, len(words_of(listing.search)))
    after = listing.after is not None
    return Kind(words, listing.ordering, frozenset(given), listing.in_stock, listing.hidden, after)


def parameters(listing: Listing, ends: Sequence[str]) -> dict[str, Any]:
    """Return those of a listing's statements. `ends`: what the last word sought may stand for."""
    wish: dict[str, Any] = {each: getattr(listing, each) for each in FILTERS}
    wish |= {"most": listing.limit + 1, "offset": listing.offset}
    wish["best"] = wish["most"] + listing.offset
    if listing.search:
        wish |= sought(listing.search, ends)
    after: tuple[Any, ...] = listing.after or ()
    if after and listing.ordering == "updated":
        after = (EPOCH + int(after[0]) * MICROSECOND, *after[1:])
    return wish | {_after(at): value for at, value in enumerate(after)}


def key_of(columns: Sequence[Any]) -> Key:
    """Return the key of a row, of what its order sorts by."""
    return tuple(
        (each - EPOCH) // MICROSECOND if isinstance(each, datetime) else each for each in columns
    )


@lru_cache(KINDS)
def page_of(kind: Kind) -> Select[Any]:
    """Return the products of a page in their order, each with the columns of its key."""
    conditions = _conditions(kind)
    if kind.ordering == "best":
        query = _ranked(kind, hits(matching(kind.words > 1), conditions))
    else:
        query = _sorted(kind, conditions)
    return query.limit(bindparam("most")).offset(bindparam("offset"))


@lru_cache(KINDS)
def total_of(kind: Kind) -> Select[Any]:
    """Return how many products all pages together have."""
    conditions = _conditions(kind)
    if kind.ordering == "best":
        return select(func.count()).select_from(hits(matching(kind.words > 1), conditions))
    return select(func.count()).select_from(products).where(*conditions)


def _sorted(kind: Kind, conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    order = ORDERS[kind.ordering]
    return order.sort(select(*COLUMNS, *order.columns).where(*conditions), after=kind.after)


def _ranked(kind: Kind, found: Subquery) -> Select[Any]:
    order = _Order((found.c.rank, found.c.id), descending=True)
    best = order.sort(select(found), after=kind.after).limit(bindparam("best"))
    chosen = best.subquery()
    order = _Order((chosen.c.rank, chosen.c.id), descending=True)
    shown = select(*COLUMNS, *order.columns)
    return order.sort(shown.join_from(chosen, products, chosen.c.id == products.c.id), after=False)


def _conditions(kind: Kind) -> list[ColumnElement[bool]]:
    """Return what all products of such a listing have in common.

    What a search by best match finds is bounded, so that it has its own way to look.
    """
    conditions: list[ColumnElement[bool]] = [
        products.c.hidden if kind.hidden else ~products.c.hidden
    ]
    conditions += [condition for name, condition in FILTERS.items() if name in kind.filters]
    if kind.in_stock is not None:
        conditions.append(products.c.in_stock if kind.in_stock else ~products.c.in_stock)
    if kind.words and kind.ordering != "best":
        conditions.append(products.c.search.op("@@")(matching(kind.words > 1)))
    return conditions


def _after(place: int) -> str:
    return f"after_{place}"
