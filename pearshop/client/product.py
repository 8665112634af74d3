"""Products."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from pydantic import TypeAdapter

from pearshop.client.base import Model, Noun, Page, page_of
from pearshop.domain.product import Ordering


class Product(Model):
    """A product. `stock` is `None` where it is not counted; hidden ones are off sale."""

    id: int
    name: str
    price: int
    image: str = ""
    description: str = ""
    sku: str | None = None
    category: str = ""
    stock: int | None = None
    hidden: bool = False
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True)
class Found(Page[Product]):
    """A page of products. `corrected`: the words sought in place of misspelt ones."""

    corrected: str | None = None


@dataclass(frozen=True)
class Seen:
    """A product in one version; `tag` names it for a change that builds on it."""

    product: Product
    tag: str


PRODUCTS = TypeAdapter(list[Product])


class Products(Noun):
    """The catalogue."""

    async def list(
        self,
        *,
        search: str = "",
        category: str | None = None,
        min_price: int | None = None,
        max_price: int | None = None,
        in_stock: bool | None = None,
        hidden: bool | None = None,
        ordering: Ordering | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Found:
        """Return a page of products; `hidden`: those off sale instead, for staff."""
        params = {
            "search": search or None,
            "category": category,
            "min_price": min_price,
            "max_price": max_price,
            "in_stock": in_stock,
            "hidden": hidden,
            "ordering": ordering,
            "limit": limit,
            "cursor": cursor,
        }
        answer = await self._caller.call("GET", "/api/product/", params=params)
        page = page_of(answer, PRODUCTS)
        corrected = unquote(answer.headers.get("x-corrected-search", ""))
        return Found(page.items, page.next, corrected or None)

    async def export(self, members: Mapping[str, Any]) -> AsyncIterator[bytes]:
        """Return the products of a filter, as `list` takes it, as CSV."""
        return await self._caller.stream("/api/product/export/", members)

    async def bring(self, file: bytes, *, dry_run: bool) -> AsyncIterator[dict[str, Any]]:
        """Import a product file; return what becomes of each row, as it is done.

        First comes how many `rows` there are, last their `counts`, or an `error`. With `dry_run`
        nothing changes. Raises `Invalid` for what is no product file.
        """
        params = {"dry_run": dry_run}
        parts = await self._caller.stream("/api/product/import/", params, file)

        async def lines() -> AsyncIterator[dict[str, Any]]:
            rest = b""
            async for part in parts:
                *whole, rest = (rest + part).split(b"\n")
                for each in whole:
                    yield json.loads(each)

        return lines()

    async def get(self, product_id: int) -> Seen:
        """Return a product, to staff even one that is off sale. Raises `NotFound`."""
        path = f"/api/product/{product_id}/"
        answer = await self._caller.call("GET", path, params={"hidden": True})
        return Seen(Product.model_validate_json(answer.content), answer.headers["etag"])

    async def create(self, members: Mapping[str, Any]) -> Product:
        """Put a product on sale. Raises `Invalid`, and `Conflict` where its sku is taken."""
        answer = await self._caller.call("POST", "/api/product/", json=dict(members))
        return Product.model_validate_json(answer.content)

    async def change(
        self, product_id: int, members: Mapping[str, Any], tag: str | None = None
    ) -> Seen:
        """Set some members of a product.

        With `tag`, raises `Overtaken` unless the product is still in that version.
        """
        answer = await self._caller.call(
            "PATCH",
            f"/api/product/{product_id}/",
            json=dict(members),
            headers={"If-Match": tag} if tag else None,
            repeatable=tag is None,
        )
        return Seen(Product.model_validate_json(answer.content), answer.headers["etag"])
