"""Products on the wire."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field, field_validator

from pearshop.domain.product import (
    MAX_CATEGORY,
    MAX_DESCRIPTION,
    MAX_IMAGE,
    MAX_NAME,
    MAX_PRICE,
    MAX_SKU,
    MAX_STOCK,
    Product,
)
from pearshop.schemas.base import EmptyIsNone, Request, Text, Whole, instant

Name = Annotated[Text, Field(min_length=1, max_length=MAX_NAME, pattern=r"\S")]
Price = Annotated[Whole, Field(ge=0, le=MAX_PRICE, description="In the shop's price unit.")]
Image = Annotated[Text, Field(max_length=MAX_IMAGE, description="URL; may be empty.")]
Description = Annotated[Text, Field(max_length=MAX_DESCRIPTION)]
Category = Annotated[Text, Field(max_length=MAX_CATEGORY)]
Sku = Annotated[
    Annotated[Text, Field(min_length=1, max_length=MAX_SKU)] | None,
    EmptyIsNone,
    Field(description="Unique, whatever the letter case."),
]
Stock = Annotated[
    Annotated[Whole, Field(ge=0, le=MAX_STOCK)] | None,
    EmptyIsNone,
    Field(description="Pieces left; null: not counted."),
]


class ProductIn(Request):
    """A product as staff create or replace it."""

    name: Name
    price: Price
    image: Image = ""
    description: Description = ""
    category: Category = ""
    sku: Sku = None
    stock: Stock = None


class ProductPatch(Request):
    """Some members of a product."""

    name: Name | None = None
    price: Price | None = None
    image: Image | None = None
    description: Description | None = None
    category: Category | None = None
    sku: Sku = None
    stock: Stock = None

    @field_validator("name", "price", "image", "description", "category", mode="before")
    @classmethod
    def _no_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("must not be null")
        return value


class ProductOut(BaseModel):
    """A product."""

    id: int
    name: str
    price: int
    image: str
    description: str
    sku: str | None
    category: str
    stock: int | None
    created_at: datetime
    updated_at: datetime


def render_product(product: Product) -> dict[str, Any]:
    """Return the members of a product, see `ProductOut`."""
    return {
        "id": product.id,
        "name": product.name,
        "price": product.price,
        "image": product.image,
        "description": product.description,
        "sku": product.sku,
        "category": product.category,
        "stock": product.stock,
        "created_at": instant(product.created_at),
        "updated_at": instant(product.updated_at),
    }
