"""What travels."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from loadtests.peers.fastapi_shop.models import Order, OrderItem

MAX_QUANTITY = 10_000
Identity = Annotated[int, Field(ge=1, lt=2**63)]


class LineIn(BaseModel):
    """A product and how many of it."""

    product_id: Identity
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]


class OrderIn(BaseModel):
    """Lines of one's cart to order."""

    delivery_address: Annotated[str, Field(min_length=1, max_length=2000)]
    order_item_ids: Annotated[list[Identity], Field(min_length=1, max_length=1000)]


class Shopper(BaseModel):
    """Who calls."""

    id: int
    username: str


class ProductOut(BaseModel):
    """A product."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    price: int
    image: str
    description: str
    sku: str | None
    category: str
    stock: int | None
    hidden: bool
    created_at: datetime
    updated_at: datetime


class LineOut(BaseModel):
    """A line of a cart or an order."""

    id: int
    product: ProductOut
    quantity: int
    total_price: int
    user: Shopper
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, line: OrderItem, owner: Shopper) -> Self:
        """Return a line whose product is loaded."""
        return cls(
            id=line.id,
            product=ProductOut.model_validate(line.product),
            quantity=line.quantity,
            total_price=line.total_price,
            user=owner,
            created_at=line.created_at,
            updated_at=line.updated_at,
        )


class EventOut(BaseModel):
    """What happened to an order; here it is only placed."""

    status: str
    created_at: datetime


class OrderOut(BaseModel):
    """An order."""

    id: int
    user: Shopper
    delivery_address: str
    order_items: list[LineOut]
    total_price: int
    status: str
    events: list[EventOut]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, order: Order, lines: Sequence[OrderItem], owner: Shopper) -> Self:
        """Return an order with these lines, whose products are loaded."""
        return cls(
            id=order.id,
            user=owner,
            delivery_address=order.delivery_address,
            order_items=[LineOut.of(line, owner) for line in lines],
            total_price=order.total_price,
            status=order.status,
            events=[EventOut(status=order.status, created_at=order.created_at)],
            created_at=order.created_at,
            updated_at=order.updated_at,
        )
