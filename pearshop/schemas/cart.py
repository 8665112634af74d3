"""Cart lines on the wire, where they are called order items."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, Field

from pearshop.domain.cart import MAX_QUANTITY, CartLine, line_id
from pearshop.domain.product import Product
from pearshop.schemas.base import NO_BOOL, EmptyIsNone, Identity, Request, instant
from pearshop.schemas.product import ProductOut, render_product
from pearshop.schemas.query import Paged
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


def _instant(microseconds: int) -> str:
    return instant(EPOCH + timedelta(microseconds=microseconds))
