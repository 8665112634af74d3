"""A product as staff type it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pearshop.client.product import Product
from pearshop.domain.product import (
    MAX_CATEGORY,
    MAX_DESCRIPTION,
    MAX_IMAGE,
    MAX_NAME,
    MAX_SKU,
    MAX_STOCK,
)
from pearshop.web.admin.forms import Form, Words
from pearshop.web.admin.money import Money

LABELS: Mapping[str, str] = {
    "name": "Name",
    "price": "Price",
    "stock": "Stock",
    "sku": "SKU",
    "category": "Category",
    "image": "Image address",
    "description": "Description",
}
"""The fields in their order."""
LONGEST: Mapping[str, int] = {
    "name": MAX_NAME,
    "sku": MAX_SKU,
    "category": MAX_CATEGORY,
    "image": MAX_IMAGE,
    "description": MAX_DESCRIPTION,
}
IMAGE_SCHEMES = ("https://", "http://", "/")


@dataclass
class ProductForm:
    """Texts as they were typed, what is wrong with them, and the members that the rest makes."""

    texts: dict[str, str]
    members: dict[str, Any] = field(default_factory=dict)
    problems: Words = field(default_factory=Words)


def blank() -> ProductForm:
    """Return the form of a product that is to be."""
    return ProductForm(dict.fromkeys(LABELS, ""))


def texts_of(product: Product, money: Money) -> dict[str, str]:
    """Return a product's members as they are typed."""
    return {
        "name": product.name,
        "price": money.typed(product.price),
        "stock": "" if product.stock is None else str(product.stock),
        "sku": product.sku or "",
        "category": product.category,
        "image": product.image,
        "description": product.description,
    }


def read(form: Form, money: Money, names: tuple[str, ...] = tuple(LABELS)) -> ProductForm:
    """Return what was typed into these fields."""
    found = ProductForm({name: form[name] for name in names})
    for name, text in found.texts.items():
        try:
            found.members[name] = _member(name, text, money)
        except ValueError as error:
            found.problems[name] = str(error)
    return found


def _member(name: str, text: str, money: Money) -> Any:
    """Return the value that a text stands for. Raises `ValueError` that says what is wrong."""
    match name:
        case "price":
            if not text:
                raise ValueError(f"Give a price, like {money.example}.")
            return money.parse(text)
        case "stock":
            return _stock(text)
        case "sku":
            return _short(name, text) or None
        case "name" if not text:
            raise ValueError("Give the product a name.")
        case "image" if text and not text.startswith(IMAGE_SCHEMES):
            raise ValueError("Give a whole address, like https://shop.example/pear.jpg, or none.")
    return _short(name, text)


def _short(name: str, text: str) -> str:
    if len(text) > LONGEST[name]:
        raise ValueError(
            f"This has {len(text):,} characters; {LONGEST[name]:,} are the most: shorten it."
        )
    return text


def _stock(text: str) -> int | None:
    if not text:
        return None
    digits = text.replace(",", "").replace(" ", "")
    if not (digits.isascii() and digits.isdecimal()):
        raise ValueError("Give the pieces left as a whole number, or nothing if not counted.")
    if int(digits) > MAX_STOCK:
        raise ValueError(f"The largest stock is {MAX_STOCK:,}.")
    return int(digits)
