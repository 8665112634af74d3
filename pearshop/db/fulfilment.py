"""Orders that move on: packed, shipped, delivered, or cancelled, with their stock put back."""

from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from pearshop.db import audit, history
from pearshop.db.product import Changed, as_changed
from pearshop.db.tables import order_events, order_lines, orders, outbox, products
from pearshop.domain.fulfilment import Status, move
from pearshop.domain.order import Order


class Moved(NamedTuple):
    """An order as it is now; the products whose stock a cancelling put back."""

    order: Order
    restocked: list[Changed]


def advance(
    connection: Connection, order_id: int, wanted: Status, owner: int | None, by: int | None
) -> Moved:
    """Move an order on; to where it is already is no move.

    `owner`: whose order it must be, who may only cancel it; `None`: staff, in the person of `by`.
    Raises `NotFound`, and `Conflict` for a move that is not possible.
    """
    row = connection.execute(
        select(orders.c.user_id, orders.c.status).where(orders.c.id == order_id).with_for_update()
    ).one_or_none()
    if row is None or (owner is not None and row.user_id != owner):
        raise history.unknown_order()
    status = Status(row.status)
    restocked: list[Changed] = []
    if move(status, wanted, by_staff=owner is None):
        now = datetime.now(UTC)
        connection.execute(
            update(orders).where(orders.c.id == order_id).values(status=wanted, updated_at=now)
        )
        connection.execute(
            insert(order_events).values(order_id=order_id, status=wanted, created_at=now)
        )
        if wanted == Status.CANCELLED:
            restocked = _restock(connection, order_id)
        _tell(connection, order_id, row.user_id, wanted)
        if owner is None:
            deed = audit.Deed(f"order.{wanted}", order_id, {"status": status}, {"status": wanted})
            audit.record(connection, by, [deed])
    return Moved(history.get(connection, order_id, None), restocked)


def _restock(connection: Connection, order_id: int) -> list[Changed]:
    """Put an order's pieces back. Products are locked in id order, as orders lock them."""
    sold = (
        select(order_lines.c.product_id, func.sum(order_lines.c.quantity).label("pieces"))
        .where(order_lines.c.order_id == order_id)
        .group_by(order_lines.c.product_id)
        .cte("sold")
    )
    found = (
        select(products.c.id, products.c.updated_at, sold.c.pieces)
        .join(sold, sold.c.product_id == products.c.id)
        .where(products.c.stock.is_not(None))
        .order_by(products.c.id)
        .with_for_update(key_share=True, of=products)
        .cte("found")
    )
    rows = connection.execute(
        update(products)
        .where(products.c.id == found.c.id)
        .values(stock=products.c.stock + found.c.pieces, updated_at=func.clock_timestamp())
        .returning(*as_changed(found.c.updated_at))
    )
    return [Changed.of(row) for row in rows]


def _tell(connection: Connection, order_id: int, user_id: int, status: Status) -> None:
    payload = {"order_id": order_id, "user_id": user_id, "status": status}
    connection.execute(
        insert(outbox).values(topic=f"order.{status}", subject_id=order_id, payload=payload)
    )
