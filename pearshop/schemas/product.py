"""Products on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from pearshop.db.listing import Listing
from pearshop.domain.product import (
    MAX_CATEGORY,
    MAX_DESCRIPTION,
    MAX_IMAGE,
    MAX_NAME,
    MAX_PRICE,
    MAX_SKU,
    MAX_STOCK,
    Ordering,
    Product,
)
from pearshop.schemas.base import NO_BOOL, EmptyIsNone, Identity, Request, Text, instant
from pearshop.schemas.query import MAX_LIMIT, Paged, Query, Sparse

Name = Annotated[Text, Field(min_length=1, max_length=MAX_NAME, pattern=r"\S")]
Price = Annotated[int, Field(ge=0, le=MAX_PRICE, description="In the shop's price unit."), NO_BOOL]
Image = Annotated[Text, Field(max_length=MAX_IMAGE, description="URL; may be empty.")]
Description = Annotated[Text, Field(max_length=MAX_DESCRIPTION)]
Category = Annotated[Text, Field(max_length=MAX_CATEGORY)]
Sku = Annotated[
    Annotated[Text, Field(min_length=1, max_length=MAX_SKU)] | None,
    EmptyIsNone,
    Field(description="Unique, whatever the letter case."),
]
Stock = Annotated[
    Annotated[int, Field(ge=0, le=MAX_STOCK), NO_BOOL] | None,
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
    hidden: Annotated[
        bool | None, Field(description="Off sale; `false` puts it on sale again.")
    ] = None

    @field_validator("name", "price", "image", "description", "category", "hidden", mode="before")
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
    hidden: bool
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
        "hidden": product.hidden,
        "created_at": instant(product.created_at),
        "updated_at": instant(product.updated_at),
    }


def _split(value: Any) -> Any:
    return value.split(",") if isinstance(value, str) else value


Ids = Annotated[
    tuple[Identity, ...],
    Field(max_length=MAX_LIMIT, description="Ids by comma."),
    BeforeValidator(_split),
]
PriceLimit = Annotated[Annotated[int, Field(ge=0, le=MAX_PRICE), NO_BOOL] | None, EmptyIsNone]


class ProductView(Sparse):
    """How a product is wanted."""

    hidden: Annotated[
        bool | None, EmptyIsNone, Field(description="For staff: even if it is off sale.")
    ] = None


class ImportQuery(Query):
    """How a product file is to be taken."""

    dry_run: Annotated[bool, Field(description="Tell what would change, and change nothing.")] = (
        False
    )


class ProductFilter(Query):
    """Which products are wanted."""

    search: Annotated[
        Text,
        Field(
            max_length=200,
            description="Words of name, description or sku; the last may be a beginning.",
        ),
    ] = ""
    category: Annotated[Category | None, Field(description="Empty: those without one.")] = None
    min_price: PriceLimit = None
    max_price: PriceLimit = None
    in_stock: Annotated[bool | None, EmptyIsNone] = None
    hidden: Annotated[
        bool | None,
        EmptyIsNone,
        Field(description="For staff: those off sale, in place of those on sale."),
    ] = None

    def listing(self) -> Listing:
        """Return all of them."""
        return Listing(
            self.search.strip(),
            self.category,
            self.min_price,
            self.max_price,
            self.in_stock,
            hidden=bool(self.hidden),
        )


class ProductQuery(ProductFilter, Paged):
    """Which products are wanted, in which order, and which page of them."""

    ids: Ids | None = None
    ordering: Annotated[
        Ordering | None,
        EmptyIsNone,
        Field(description="`best` match in a search, `updated` otherwise, unless told."),
    ] = None

    @model_validator(mode="after")
    def _best_of_what(self) -> Self:
        if self.ordering == "best" and not self.search.strip():
            raise ValueError("ordering: best is for a search: send search as well")
        return self
