"""Changes of many products on the wire."""

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, model_validator

from pearshop.db.bulk import BulkChanged
from pearshop.domain.bulk import LEAST_PERCENT, MOST_PERCENT
from pearshop.domain.product import MAX_STOCK
from pearshop.schemas.base import NO_BOOL, EmptyIsNone, Identity, Request, Text
from pearshop.schemas.product import Category, PriceLimit
from pearshop.schemas.query import MAX_LIMIT

SHOWN = 200
"""Products that an answer names."""
EDITS = ("price_percent", "category", "stock", "hidden")


class BulkIn(Request):
    """Which products, and what becomes of them.

    Either `ids`, or all that `search`, `in_category`, `min_price`, `max_price`, `in_stock` and
    `off_sale` have in common.
    """

    ids: Annotated[list[Identity], Field(max_length=MAX_LIMIT)] | None = None
    search: Annotated[Text, Field(max_length=200)] = ""
    in_category: Annotated[Category | None, Field(description="Empty: those without one.")] = None
    min_price: PriceLimit = None
    max_price: PriceLimit = None
    in_stock: Annotated[bool | None, EmptyIsNone] = None
    off_sale: bool = False
    price_percent: Annotated[
        Annotated[Decimal, Field(ge=LEAST_PERCENT, le=MOST_PERCENT, decimal_places=2)] | None,
        EmptyIsNone,
        Field(description="Added to each price; -10 makes it a tenth less."),
    ] = None
    category: Category | None = None
    stock: Annotated[Annotated[int, Field(ge=0, le=MAX_STOCK), NO_BOOL] | None, EmptyIsNone] = None
    hidden: Annotated[bool | None, EmptyIsNone] = None
    preview: Annotated[bool, Field(description="Tell what would change, and change nothing.")] = (
        False
    )
    version: Annotated[
        Annotated[Text, Field(max_length=64)] | None,
        EmptyIsNone,
        Field(description="A preview's; 412 unless just what it showed would be done."),
    ] = None

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if all(getattr(self, name) is None for name in EDITS):
            raise ValueError(f"name something to change: one of {', '.join(EDITS)}")
        return self


class BulkEditOut(BaseModel):
    """What changes of a product."""

    id: int
    name: str
    before: dict[str, Any]
    after: dict[str, Any]


class BulkOut(BaseModel):
    """What was done, or would be. `edits` names the first products that differ."""

    chosen: int
    changed: int
    version: str
    edits: list[BulkEditOut]


def render_bulk(done: BulkChanged) -> dict[str, Any]:
    """Return the members of what was done, see `BulkOut`."""
    return {
        "chosen": done.chosen,
        "changed": len(done.edited),
        "version": done.version,
        "edits": [
            {
                "id": each.product.id,
                "name": each.product.name,
                "before": each.before,
                "after": each.after,
            }
            for each in done.edited[:SHOWN]
        ],
    }
