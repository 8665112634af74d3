"""Which pages of the catalogue a change of one product concerns. Pure.

Most changes are of prices and stock. They concern the pages that show the product, and those that
it may enter or leave: in a search for words, or in another category, it is no sooner found. A page
that lists the newest, or what words find, lists the same products at another price.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from pearshop.db.catalogue import Listed
from pearshop.db.listing import Listing
from pearshop.domain.product import Product

WORDLESS = frozenset({"price", "stock", "image"})
"""Members of a product by which no search and no category finds it."""
STEADY = frozenset({"best", "newest", "name", "-name"})
"""Orderings in which a product keeps its place whatever it costs."""

HEARD_OF = timedelta(seconds=30)
"""Every replica hears of a change sooner than that, if only by its pulse."""


class Scope(NamedTuple):
    """What decides a page: the products on it, as they follow each other, and how they were chosen.

    `category`: that of all of them; `None`: any. `steady`: neither price nor stock, nor when they
    were changed, chose or sorted them.
    """

    products: tuple[int, ...]
    category: str | None = None
    steady: bool = False


class Edit(NamedTuple):
    """What staff did to a product: which members they set, and when it had been changed before."""

    members: Collection[str]
    before: datetime


class Change(NamedTuple):
    """When staff changed a product, and how far that reaches.

    `category`: the product's, if neither it nor a word has changed; `None`: any page is concerned.
    `before`: when it had been changed before that, where that is known.
    """

    at: datetime
    category: str | None = None
    before: datetime | None = None


def scope_of(listing: Listing, found: Listed) -> Scope:
    """Return what decides a page of products."""
    filters = (listing.min_price, listing.max_price, listing.in_stock)
    steady = listing.ordering in STEADY and filters == (None,) * 3
    return Scope(tuple(each.id for each in found.products), listing.category, steady)


def change_of(product: Product, edit: Edit | None) -> Change:
    """Return what an edit did to a product; without one, it is new, or gone."""
    if edit is None or not WORDLESS.issuperset(edit.members):
        return Change(product.updated_at)
    return Change(product.updated_at, product.category, edit.before)


def as_heard(
    changes: Mapping[int, Change], last: Callable[[int], Change | None]
) -> dict[int, Change]:
    """Return how far changes reach for somebody who has heard so far of those `last` tells.

    Who has not heard of the change before must not be told that this one is all.
    """
    return {
        each: change if _follows(change, last(each)) else Change(change.at)
        for each, change in changes.items()
    }


def _follows(change: Change, last: Change | None) -> bool:
    before = change.before
    if before is None:
        return False
    return (last is not None and before == last.at) or change.at - before > HEARD_OF


def is_narrow(change: Change) -> bool:
    """Return whether some pages are not concerned."""
    return change.category is not None


def concerns(changes: Mapping[int, Change], scope: Scope | None) -> bool:
    """Return whether any of the changes may concern a page; one without a scope, any may."""
    altered = altered_by(changes, scope)
    return altered is None or bool(altered)


def altered_by(changes: Mapping[int, Change], scope: Scope | None) -> set[int] | None:
    """Return which products a page now shows otherwise; `None`: it may list other ones.

    One without a scope may after any change.
    """
    if scope is None or any(_chooses(each, changes[each], scope) for each in changes):
        return None
    return changes.keys() & scope.products


def _chooses(product_id: int, change: Change, scope: Scope) -> bool:
    """Return whether a change may bring a product to a page, take it off, or move it there."""
    if scope.steady or not is_narrow(change):
        return not is_narrow(change)
    return product_id in scope.products or scope.category in (None, change.category)
