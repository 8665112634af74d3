"""Orders on the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from pearshop.db.history import Wanted
from pearshop.domain.cart import MAX_LINES
from pearshop.domain.fulfilment import Status
from pearshop.domain.order import MAX_ADDRESS, Order, OrderEvent, OrderLine
from pearshop.domain.product import Product
from pearshop.schemas.base import NO_BOOL, EmptyIsNone, Identity, Instant, Request, Text, instant
from pearshop.schemas.cart import LineOut
from pearshop.schemas.product import render_product
from pearshop.schemas.query import Paged, Query
from pearshop.schemas.user import UserOut


class OrderIn(Request):
    """Lines of one's cart to order."""

    delivery_address: Annotated[Text, Field(min_length=1, max_length=MAX_ADDRESS, pattern=r"\S")]
    order_item_ids: Annotated[list[Identity], Field(min_length=1, max_length=MAX_LINES)]
    expected_total_price: Annotated[int, Field(ge=0), NO_BOOL] | None = Field(
        default=None, description="Refuse when the total has become another one."
    )


StatusName = Literal["placed", "packed", "shipped", "delivered", "cancelled"]


class OrderEventOut(BaseModel):
    """Where an order came to, and when."""

    status: StatusName
    created_at: datetime


class OrderMove(Request):
    """Where staff move an order on to."""

    status: StatusName


class OrderFilter(Query):
    """Which orders are wanted; shoppers see their own, whatever they ask for."""

    status: Annotated[StatusName | None, EmptyIsNone] = None
    since: Annotated[Instant | None, EmptyIsNone, Field(description="Placed then or later.")] = None
    until: Annotated[Instant | None, EmptyIsNone, Field(description="Placed before.")] = None
    user: Annotated[Identity | None, EmptyIsNone, Field(description="A shopper's id.")] = None
    product: Annotated[Identity | None, EmptyIsNone, Field(description="A product's id.")] = None
    search: Annotated[
        Text,
        Field(max_length=200, description="An order's number, or how a username begins."),
    ] = ""

    def wanted(self) -> Wanted:
        """Return the orders that staff want to see."""
        status = self.status and Status(self.status)
        return Wanted(self.user, status, self.since, self.until, self.product, self.search)


class OrderQuery(OrderFilter, Paged):
    """Which orders are wanted, and which page of them."""


class OrderOut(BaseModel):
    """An order. Its first event is that it was placed."""

    id: int
    user: UserOut
    delivery_address: str
    order_items: list[LineOut]
    total_price: int
    status: StatusName
    events: list[OrderEventOut]
    created_at: datetime
    updated_at: datetime


def render_order(order: Order, products: Mapping[int, Product]) -> dict[str, Any]:
    """Return the members of an order, see `OrderOut`."""
    return {
        "id": order.id,
        "user": {"id": order.user_id, "username": order.username},
        "delivery_address": order.delivery_address,
        "order_items": [
            render_sold(order.user_id, order.username, line, products[line.product_id])
            for line in order.lines
        ],
        "total_price": order.total_price,
        "status": order.status,
        "events": [
            {"status": each.status, "created_at": instant(each.created_at)}
            for each in (OrderEvent(Status.PLACED, order.created_at), *order.events)
        ],
        "created_at": instant(order.created_at),
        "updated_at": instant(order.updated_at),
    }


def render_sold(user_id: int, username: str, line: OrderLine, product: Product) -> dict[str, Any]:
    """Return the members of an ordered line.

    The product's name and price are those of the sale; the rest is as it is today.
    """
    return {
        "id": line.id,
        "product": render_product(product) | {"name": line.product_name, "price": line.price},
        "quantity": line.quantity,
        "total_price": line.total_price,
        "user": {"id": user_id, "username": username},
        "created_at": instant(line.created_at),
        "updated_at": instant(line.updated_at),
    }
