"""Many products changed at once, all or none, as a preview showed it."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, text

from pearshop.db import audit, catalogue
from pearshop.db.audit import Deed
from pearshop.db.execute import single_statement
from pearshop.db.listing import Listing
from pearshop.db.product import COLUMNS, Changed
from pearshop.db.tables import products
from pearshop.domain.bulk import MOST, BulkEdit, edited
from pearshop.domain.product import Product
from pearshop.errors import Invalid, Overtaken

UPDATE = text("""
UPDATE products p
SET price = t.price, category = COALESCE(:category, p.category),
    stock = COALESCE(:stock, p.stock), hidden = COALESCE(:hidden, p.hidden),
    updated_at = clock_timestamp()
FROM unnest(CAST(:ids AS bigint[]), CAST(:prices AS bigint[])) AS t(id, price)
WHERE p.id = t.id
RETURNING p.id, p.updated_at
""")


class Edited(NamedTuple):
    """A product before an edit, and the members that the edit changes, as they are after it."""

    product: Product
    after: dict[str, Any]

    @property
    def before(self) -> dict[str, Any]:
        """The same members as they were."""
        return {name: getattr(self.product, name) for name in self.after}


class BulkChanged(NamedTuple):
    """What an edit does, or did, to `chosen` products; `version` names just that.

    `changed` is empty in a preview.
    """

    chosen: int
    edited: list[Edited]
    version: str
    changed: list[Changed]


@single_statement
def preview(connection: Connection, chosen: Sequence[int] | Listing, edit: BulkEdit) -> BulkChanged:
    """Return what `change` would do. Raises `Invalid` as it does."""
    return _decide(_chosen(connection, chosen, lock=False), edit)


def change(
    connection: Connection,
    chosen: Sequence[int] | Listing,
    edit: BulkEdit,
    version: str | None,
    by: int,
) -> BulkChanged:
    """Edit the products of those ids, or all that a listing has, in one transaction.

    With the `version` of a preview, raises `Overtaken` unless just that would be done. Raises
    `Invalid` for more than `MOST` products, and for prices out of bounds.
    """
    decided = _decide(_chosen(connection, chosen, lock=True), edit)
    if version not in {None, decided.version}:
        raise Overtaken(
            "The products have changed since the preview: look at it again.", "overtaken"
        )
    return decided._replace(changed=_store(connection, decided.edited, edit, by))


def _decide(found: Sequence[Product], edit: BulkEdit) -> BulkChanged:
    pairs = ((each, edited(each, edit)) for each in found)
    edits = [Edited(product, after) for product, after in pairs if after]
    return BulkChanged(len(found), edits, _version(edits), [])


def _chosen(
    connection: Connection, chosen: Sequence[int] | Listing, *, lock: bool
) -> list[Product]:
    if isinstance(chosen, Listing):
        # A search by best match would find some; in another order it finds all.
        listing = replace(chosen, ordering="newest", limit=MOST, after=None, offset=0)
        page = catalogue.page(connection, listing)
        if page.after is not None:
            raise Invalid(f"More than {MOST:,} products are chosen: narrow the filter.", "too_many")
        chosen = [each.id for each in page.products]
    query = select(*COLUMNS).where(products.c.id.in_(chosen)).order_by(products.c.id)
    if lock:
        query = query.with_for_update(key_share=True)
    return [Product(*row) for row in connection.execute(query)]


def _version(edits: Sequence[Edited]) -> str:
    told = [(each.product.id, each.before, each.after) for each in edits]
    return hashlib.blake2b(repr(told).encode(), digest_size=16).hexdigest()


def _store(
    connection: Connection, edits: Sequence[Edited], edit: BulkEdit, by: int
) -> list[Changed]:
    if not edits:
        return []
    rows = connection.execute(
        UPDATE,
        {
            "ids": [each.product.id for each in edits],
            "prices": [each.after.get("price", each.product.price) for each in edits],
            "category": edit.category,
            "stock": edit.stock,
            "hidden": edit.hidden,
        },
    )
    times = {row.id: row.updated_at for row in rows}
    audit.record(
        connection,
        by,
        [Deed("product.changed", each.product.id, each.before, each.after) for each in edits],
    )
    return [
        Changed(
            each.product._replace(**each.after, updated_at=times[each.product.id]),
            each.product.updated_at,
        )
        for each in edits
    ]
