"""Cart lines on the wire, where they are called order items."""

import functools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from pearshop.domain.cart import MAX_QUANTITY, Cart, CartLine, line_id
from pearshop.domain.product import Product
from pearshop.domain.user import User
from pearshop.schemas.base import (
    INSTANTS,
    NO_BOOL,
    EmptyIsNone,
    Identity,
    Request,
    Text,
    written,
)
from pearshop.schemas.product import ProductOut, render_product
from pearshop.schemas.query import Paged, Query, Sparse
from pearshop.schemas.user import UserOut

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_OFFSET = 10_000
"""Lines that can be skipped: all of them have to be read."""
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY), NO_BOOL]


class LineIn(Request):
    """A product and how many of it."""

    product_id: Identity
    quantity: Quantity


class LinePut(Request):
    """A line as it shall be."""

    quantity: Quantity
    product_id: Identity | None = None


class LinePatch(Request):
    """What shall change of a line."""

    quantity: Quantity | None = None
    product_id: Identity | None = None


class LineQuery(Paged):
    """Which page of the lines is wanted."""

    offset: Annotated[
        Annotated[int, Field(ge=0, le=MAX_OFFSET), NO_BOOL] | None,
        EmptyIsNone,
        Field(description="Lines to skip, instead of a cursor; brings `X-Total-Count`."),
    ] = None
    user: Annotated[
        Identity | None,
        EmptyIsNone,
        Field(description="For staff: whose cart is wanted, as it is now."),
    ] = None


class LineOut(BaseModel):
    """A line of a cart or an order."""

    id: int
    product: ProductOut
    quantity: int
    total_price: int
    user: UserOut
    created_at: datetime
    updated_at: datetime


Whose = Annotated[Identity | None, EmptyIsNone, Field(description="For staff: a shopper's id.")]


class FollowQuery(Query):
    """Whose cart is wanted."""

    user: Whose = None


class CartQuery(Sparse):
    """Whose cart is wanted, and what of it."""

    user: Whose = None


class MergeIn(Request):
    """A visitor's cart."""

    guest: Annotated[
        Text, Field(min_length=1, max_length=4096, description="The visitor's refresh token.")
    ]


class NoticeOut(BaseModel):
    """What stands in the way of ordering a line. `available`: pieces that are left."""

    order_item_id: int
    product_id: int
    code: Literal["product_gone", "out_of_stock"]
    available: int
    detail: str


class CartOut(BaseModel):
    """A cart. `version` grows with each change; `total_price` is that of what is still sold."""

    version: int
    lines: list[LineOut]
    total_price: int
    notices: list[NoticeOut]


def render_cart(owner: User, cart: Cart, products: Mapping[int, Product]) -> dict[str, Any]:
    """Return the members of a cart, see `CartOut`."""
    sold = [each for each in cart.lines if not products[each.product_id].hidden]
    return {
        "version": cart.version,
        "lines": [
            render_line(owner.id, owner.username, each, products[each.product_id])
            for each in cart.lines
        ],
        "total_price": sum(products[each.product_id].price * each.quantity for each in sold),
        "notices": [
            notice
            for each in cart.lines
            if (notice := _notice(owner.id, each, products[each.product_id]))
        ],
    }


def _notice(user_id: int, line: CartLine, product: Product) -> dict[str, Any] | None:
    left = product.stock
    if product.hidden:
        code, left, detail = "product_gone", 0, f"{product.name} is no longer sold."
    elif left is not None and left < line.quantity:
        some = f"only {left:,} left" if left else "sold out"
        code, detail = "out_of_stock", f"{product.name}: {some}."
    else:
        return None
    return {
        "order_item_id": line_id(user_id, line.number),
        "product_id": product.id,
        "code": code,
        "available": left,
        "detail": detail,
    }


def render_line(user_id: int, username: str, line: CartLine, product: Product) -> dict[str, Any]:
    """Return the members of a cart line at the product's present price, see `LineOut`."""
    return {
        "id": line_id(user_id, line.number),
        "product": render_product(product),
        "quantity": line.quantity,
        "total_price": product.price * line.quantity,
        "user": {"id": user_id, "username": username},
        "created_at": _instant(line.created_at),
        "updated_at": _instant(line.updated_at),
    }


@functools.lru_cache(INSTANTS)
def _instant(microseconds: int) -> str:
    return written(EPOCH + timedelta(microseconds=microseconds))
