"""Products as the layers hold them, ready to be sent."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson

from pearshop.domain.product import Product
from pearshop.http.caching.shared import Leased
from pearshop.http.etags import tag_of_product
from pearshop.http.pages import Page
from pearshop.schemas.product import render_product


@dataclass(frozen=True)
class Shown:
    """A product, and as the API answers it."""

    product: Product

    @cached_property
    def page(self) -> Page:
        """The answer, made when it is first asked for: what sells is not always looked at."""
        content = orjson.dumps(render_product(self.product))
        return Page(content, {"ETag": tag_of_product(self.product)})


def encoded(product: Product) -> bytes:
    """Return the form in which Redis keeps a product."""
    return orjson.dumps(product._asdict())


def decoded(leased: Mapping[int, Leased]) -> dict[int, Product]:
    """Return the products among what Redis gave; what cannot be read is as good as absent."""
    found = {}
    for product_id, each in leased.items():
        if each.value:
            with contextlib.suppress(ValueError, TypeError, KeyError):
                found[product_id] = _product(orjson.loads(each.value))
    return found


def _product(members: dict[str, Any]) -> Product:
    for name in ("created_at", "updated_at"):
        members[name] = datetime.fromisoformat(members[name])
    return Product(**members)
