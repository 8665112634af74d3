"""The catalogue's rows."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, insert, select, true, update
from sqlalchemy.exc import IntegrityError

from pearshop.db import audit
from pearshop.db.audit import Deed
from pearshop.db.execute import single_statement
from pearshop.db.tables import products
from pearshop.domain.product import Product, ProductDraft
from pearshop.errors import Conflict, NotFound, Overtaken

COLUMNS = tuple(products.c[name] for name in Product._fields)
Version = tuple[datetime, int | None]
"""When staff changed a product last, and its stock then or after."""
SKU_TAKEN = "Another product, perhaps one off sale, has that sku: choose another."


def unknown_product() -> NotFound:
    """Return the refusal for an id that names no product on sale."""
    return NotFound("There is no such product.", "product_unknown")


@single_statement
def get(connection: Connection, product_id: int) -> Product:
    """Return one product that is on sale. Raises `NotFound` for unknown and hidden ones."""
    found = by_ids(connection, [product_id])
    if not found or found[0].hidden:
        raise unknown_product()
    return found[0]


@single_statement
def by_ids(connection: Connection, ids: Sequence[int]) -> list[Product]:
    """Return those products that exist, hidden ones too, in no order."""
    rows = connection.execute(select(*COLUMNS).where(products.c.id.in_(ids)))
    return [Product(*row) for row in rows]


def create(connection: Connection, draft: ProductDraft, by: int | None = None) -> Product:
    """Store a product, by that user. Raises `Conflict` when its sku is taken."""
    try:
        row = connection.execute(insert(products).values(**asdict(draft)).returning(*COLUMNS)).one()
    except IntegrityError as error:
        raise _conflict(error) from None
    product = Product(*row)
    audit.record(connection, by, [Deed("product.created", product.id, None, asdict(draft))])
    return product


class Changed(NamedTuple):
    """A product as staff have left it, and when they had changed it `before`."""

    product: Product
    before: datetime

    @classmethod
    def of(cls, row: Sequence[Any]) -> "Changed":
        """Return that of a row with the columns `as_changed`."""
        return cls(Product(*row[: len(COLUMNS)]), row[len(COLUMNS)])


def as_changed(before: ColumnElement[datetime]) -> tuple[ColumnElement[Any], ...]:
    """Return the columns to return of a product that is changed."""
    return (*COLUMNS, before.label("before"))


def change(
    connection: Connection,
    product_id: int,
    changes: dict[str, Any],
    seen: Sequence[Version] | None = None,
    by: int | None = None,
) -> Changed:
    """Set the given columns, by that user; what is off sale can only be put on sale again.

    Raises `NotFound`, or `Conflict` when the sku is taken.

    With `seen`, raises `Overtaken` unless the product is still one of these versions. Orders may
    have taken stock meanwhile; that counts only where the stock is to be set.
    """
    restores = changes.get("hidden") is False
    if seen is not None:
        _check(connection, product_id, seen, counts_stock="stock" in changes, hidden=restores)
    names = sorted(changes)
    found = (
        select(products.c.id, products.c.updated_at, *(products.c[each] for each in names))
        .where(products.c.id == product_id, _is_in_reach(restores))
        .with_for_update(key_share=True)
        .cte("found")
    )
    try:
        row = connection.execute(
            update(products)
            .where(products.c.id == found.c.id)
            .values(**changes, updated_at=func.clock_timestamp())
            .returning(*as_changed(found.c.updated_at), *(found.c[each] for each in names))
        ).one_or_none()
    except IntegrityError as error:
        raise _conflict(error) from None
    if row is None:
        raise unknown_product()
    old = dict(zip(names, row[len(COLUMNS) + 1 :], strict=True))
    differing = [each for each in names if old[each] != changes[each]]
    before, after = ({each: of[each] for each in differing} for of in (old, changes))
    if after:
        action = {True: "product.hidden", False: "product.restored"}.get(
            after.get("hidden", ...), "product.changed"
        )
        deed = Deed(action, product_id, before, after)
        audit.record(connection, by, [deed])
    return Changed.of(row)


def hide(
    connection: Connection,
    product_id: int,
    seen: Sequence[Version] | None = None,
    by: int | None = None,
) -> Product:
    """Take a product off sale; past orders keep it. Raises `NotFound`, or `Overtaken` as above."""
    return change(connection, product_id, {"hidden": True}, seen, by).product


def _is_in_reach(restores: bool) -> ColumnElement[bool]:
    return true() if restores else ~products.c.hidden


def _check(
    connection: Connection,
    product_id: int,
    seen: Sequence[Version],
    *,
    counts_stock: bool,
    hidden: bool,
) -> None:
    row = connection.execute(
        select(products.c.updated_at, products.c.stock)
        .where(products.c.id == product_id, _is_in_reach(hidden))
        .with_for_update(key_share=True)
    ).one_or_none()
    if row is None:
        raise unknown_product()
    if not any(
        changed == row.updated_at and (stock == row.stock or not counts_stock)
        for changed, stock in seen
    ):
        raise Overtaken(
            "Someone else has changed the product: look at it as it is now and try again.",
            "overtaken",
        )


def _conflict(error: IntegrityError) -> Exception:
    if "uq_products_sku" in str(error.orig):
        return Conflict(SKU_TAKEN, "sku_taken")
    return error
