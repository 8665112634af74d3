"""What changes carts, orders and stock. The caller commits."""

from collections.abc import Sequence
from typing import Any

from fastapi import HTTPException
from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from loadtests.peers.fastapi_shop.models import Order, OrderItem, Product
from loadtests.peers.fastapi_shop.schemas import MAX_QUANTITY


def cart_of(user_id: int) -> Select[Any]:
    """Return the query for the lines in a cart, each with its product."""
    lines = select(OrderItem).where(OrderItem.user_id == user_id, OrderItem.order_id.is_(None))
    return lines.options(joinedload(OrderItem.product, innerjoin=True)).order_by(OrderItem.id)


async def add_to_cart(
    session: AsyncSession, user_id: int, product: Product, quantity: int
) -> OrderItem:
    """Put a product into a cart; one that is there already becomes more. Raises 400."""
    new = insert(OrderItem).values(user_id=user_id, product_id=product.id, quantity=quantity)
    more = OrderItem.quantity + new.excluded.quantity
    line: OrderItem | None = await session.scalar(
        new.on_conflict_do_update(
            index_elements=[OrderItem.user_id, OrderItem.product_id],
            index_where=OrderItem.order_id.is_(None),
            set_={"quantity": more, "updated_at": func.now()},
            where=more <= MAX_QUANTITY,
        ).returning(OrderItem)
    )
    if line is None:
        raise HTTPException(400, f"quantity: at most {MAX_QUANTITY} for each line.")
    line.product = product
    return line


async def place_order(
    session: AsyncSession, user_id: int, delivery_address: str, order_item_ids: Sequence[int]
) -> tuple[Order, Sequence[OrderItem]]:
    """Order lines of a cart and take their stock, all or nothing. Raises 400 and 409."""
    wanted = set(order_item_ids)
    query = cart_of(user_id).where(OrderItem.id.in_(wanted))
    lines = (await session.scalars(query.with_for_update(of=OrderItem, key_share=True))).all()
    if len(lines) < len(wanted):
        raise HTTPException(400, "order_item_ids: some of these lines are not in your cart.")
    await _take_stock(session, lines)
    total = sum(line.total_price for line in lines)
    order = Order(user_id=user_id, delivery_address=delivery_address, total_price=total)
    session.add(order)
    await session.flush()
    for line in lines:
        line.order_id = order.id
        line.price = line.product.price
        line.updated_at = order.created_at
    await session.flush()
    return order, lines


async def _take_stock(session: AsyncSession, lines: Sequence[OrderItem]) -> None:
    quantities = {line.product_id: line.quantity for line in lines}
    counted = await session.scalars(
        select(Product)
        .where(Product.id.in_(quantities), Product.stock.is_not(None))
        .order_by(Product.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    for product in counted:
        left = (product.stock or 0) - quantities[product.id]
        if left < 0:
            raise HTTPException(409, "Not enough is left of some products.")
        product.stock = left
