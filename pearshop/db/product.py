"""The catalogue's rows."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from pearshop.db.execute import single_statement
from pearshop.db.tables import products
from pearshop.domain.product import Product, ProductDraft
from pearshop.errors import Conflict, NotFound

COLUMNS = tuple(products.c[name] for name in Product.__dataclass_fields__)
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


@single_statement
def page(connection: Connection, limit: int, before: tuple[datetime, int] | None) -> list[Product]:
    """Return up to `limit` products on sale, most recently updated first.

    `before` is `(updated_at, id)` of the last product of the page before.
    """
    query = select(*COLUMNS).where(~products.c.hidden)
    if before is not None:
        query = query.where(tuple_(products.c.updated_at, products.c.id) < tuple_(*before))
    query = query.order_by(products.c.updated_at.desc(), products.c.id.desc()).limit(limit)
    return [Product(*row) for row in connection.execute(query)]


def create(connection: Connection, draft: ProductDraft) -> Product:
    """Store a product. Raises `Conflict` when its sku is taken."""
    try:
        row = connection.execute(insert(products).values(**asdict(draft)).returning(*COLUMNS)).one()
    except IntegrityError as error:
        raise _conflict(error) from None
    return Product(*row)


def change(connection: Connection, product_id: int, changes: dict[str, Any]) -> Product:
    """Set the given columns. Raises `NotFound`, or `Conflict` when the sku is taken."""
    try:
        row = connection.execute(
            update(products)
            .where(products.c.id == product_id, ~products.c.hidden)
            .values(**changes, updated_at=func.clock_timestamp())
            .returning(*COLUMNS)
        ).one_or_none()
    except IntegrityError as error:
        raise _conflict(error) from None
    if row is None:
        raise unknown_product()
    return Product(*row)


def hide(connection: Connection, product_id: int) -> Product:
    """Take a product off sale; past orders keep it. Raises `NotFound`."""
    return change(connection, product_id, {"hidden": True})


def _conflict(error: IntegrityError) -> Exception:
    if "uq_products_sku" in str(error.orig):
        return Conflict(SKU_TAKEN, "sku_taken")
    return error
