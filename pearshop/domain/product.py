"""What a product may be. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

MAX_PRICE = 1_000_000_000
"""Largest price, in the shop's price unit: a full cart's total still fits in 64 bits."""
MAX_STOCK = 1_000_000_000
MAX_NAME = 255
MAX_SKU = 64
MAX_CATEGORY = 100
MAX_IMAGE = 2_048
MAX_DESCRIPTION = 20_000

Ordering = Literal["updated", "newest", "name", "-name", "price", "-price", "best"]
"""Ways to sort the catalogue. Those of time begin with the latest; `best` is for a search."""


class Product(NamedTuple):
    """A product as stored. `stock` is `None` when it is not counted; hidden ones are not sold."""

    id: int
    sku: str | None
    name: str
    price: int
    image: str
    description: str
    category: str
    stock: int | None
    hidden: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ProductDraft:
    """What staff say of a product that is to be."""

    name: str
    price: int
    image: str = ""
    description: str = ""
    category: str = ""
    sku: str | None = None
    stock: int | None = None
