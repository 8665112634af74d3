"""The catalogue's rows."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from pearshop.db.execute import single_statement
from pearshop.db.tables import products
from pearshop.domain.product import Product, ProductDraft
from pearshop.errors import Conflict, NotFound, Overtaken

COLUMNS = tuple(products.c[name] for name in Product.__dataclass_fields__)
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


def create(connection: Connection, draft: ProductDraft) -> Product:
    """Store a product. Raises `Conflict` when its sku is taken."""
    try:
        row = connection.execute(insert(products).values(**asdict(draft)).returning(*COLUMNS)).one()
    except IntegrityError as error:
        raise _conflict(error) from None
    return Product(*row)


class Changed(NamedTuple):
    """A product as staff have left it, and when they had changed it `before`."""

    product: Product
    before: datetime


def change(
    connection: Connection,
    product_id: int,
    changes: dict[str, Any],
    seen: Sequence[Version] | None = None,
) -> Changed:
    """Set the given columns. Raises `NotFound`, or `Conflict` when the sku is taken.

    With `seen`, raises `Overtaken` unless the product is still one of these versions. Orders may
    have taken stock meanwhile; that counts only where the stock is to be set.
    """
    if seen is not None:
        _check(connection, product_id, seen, counts_stock="stock" in changes)
    found = (
        select(products.c.id, products.c.updated_at)
        .where(products.c.id == product_id, ~products.c.hidden)
        .with_for_update(key_share=True)
        .cte("found")
    )
    try:
        row = connection.execute(
            update(products)
            .where(products.c.id == found.c.id)
            .values(**changes, updated_at=func.clock_timestamp())
            .returning(*COLUMNS, found.c.updated_at.label("before"))
        ).one_or_none()
    except IntegrityError as error:
        raise _conflict(error) from None
    if row is None:
        raise unknown_product()
    return Changed(Product(*row[:-1]), row[-1])


def hide(connection: Connection, product_id: int, seen: Sequence[Version] | None = None) -> Product:
    """Take a product off sale; past orders keep it. Raises `NotFound`, or `Overtaken` as above."""
    return change(connection, product_id, {"hidden": True}, seen).product


def _check(
    connection: Connection, product_id: int, seen: Sequence[Version], *, counts_stock: bool
) -> None:
    row = connection.execute(
        select(products.c.updated_at, products.c.stock)
        .where(products.c.id == product_id, ~products.c.hidden)
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
