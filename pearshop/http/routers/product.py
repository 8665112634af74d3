"""`/api/product/`: the catalogue."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pearshop.db import product as rows
from pearshop.domain.product import Product, ProductDraft
from pearshop.errors import Invalid
from pearshop.http import body
from pearshop.http.answers import json
from pearshop.http.describe import route
from pearshop.http.identity import identity
from pearshop.http.paging import Page, next_link, page_of
from pearshop.http.services import services, staff
from pearshop.schemas.product import ProductIn, ProductOut, ProductPatch, render_product

router = APIRouter(prefix="/api/product", tags=["products"])
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@router.get("/", response_model=list[ProductOut], **route(paged=True))
async def list_products(request: Request) -> Response:
    """List the products on sale, most recently updated first."""
    shop = services(request)
    page = page_of(request, members=2)

    async def make() -> tuple[bytes, dict[str, str]]:
        found = await shop.database.run(rows.page, page.limit, _before(page))
        headers = _next(request, page, found)
        return orjson.dumps([render_product(each) for each in found]), headers

    content, headers = await shop.products.page(("list", page), make)
    return Response(content, 200, headers, "application/json")


@router.post(
    "/",
    status_code=201,
    response_model=ProductOut,
    **route(body=ProductIn, signed_in=True, errors=(403, 409)),
)
async def create_product(request: Request) -> Response:
    """Put a product on sale."""
    staff(request)
    wish = await body.read(request, ProductIn)
    shop = services(request)
    product = await shop.database.run(rows.create, ProductDraft(**wish.model_dump()))
    shop.products.changed([product.id])
    return json(render_product(product), 201)


@router.get("/{product_id}/", response_model=ProductOut, **route(errors=(404,)))
async def get_product(request: Request, product_id: str) -> Response:
    """Return a product on sale."""
    product = await services(request).products.on_sale(identity(product_id, "product"))
    return json(render_product(product))


@router.put(
    "/{product_id}/",
    response_model=ProductOut,
    **route(body=ProductIn, signed_in=True, errors=(403, 404, 409)),
)
async def replace_product(request: Request, product_id: str) -> Response:
    """Set all members of a product; of the optional ones, those that are given."""
    staff(request)
    wish = await body.read(request, ProductIn)
    return await _change(request, product_id, wish.model_dump(include=wish.model_fields_set))


@router.patch(
    "/{product_id}/",
    response_model=ProductOut,
    **route(body=ProductPatch, signed_in=True, errors=(403, 404, 409)),
)
async def change_product(request: Request, product_id: str) -> Response:
    """Set some members of a product."""
    staff(request)
    wish = await body.read(request, ProductPatch)
    if not wish.model_fields_set:
        raise Invalid("Name at least one member to change.", "empty")
    return await _change(request, product_id, wish.model_dump(include=wish.model_fields_set))


@router.delete(
    "/{product_id}/",
    status_code=204,
    response_class=Response,
    **route(signed_in=True, errors=(403, 404)),
)
async def delete_product(request: Request, product_id: str) -> Response:
    """Take a product off sale. Past orders keep it."""
    staff(request)
    shop = services(request)
    product = await shop.database.run(rows.hide, identity(product_id, "product"))
    shop.products.changed([product.id])
    return Response(status_code=204)


async def _change(request: Request, product_id: str, changes: dict[str, Any]) -> Response:
    shop = services(request)
    product = await shop.database.run(rows.change, identity(product_id, "product"), changes)
    shop.products.changed([product.id])
    return json(render_product(product))


def _before(page: Page) -> tuple[datetime, int] | None:
    if page.after is None:
        return None
    microseconds, product_id = page.after
    try:
        return EPOCH + timedelta(microseconds=microseconds), product_id
    except OverflowError:
        raise Invalid.of("cursor", "take it from the Link header of the page before.") from None


def _next(request: Request, page: Page, found: list[Product]) -> dict[str, str]:
    if len(found) < page.limit:
        return {}
    last = found[-1]
    return next_link(request, ((last.updated_at - EPOCH) // MICROSECOND, last.id), page.limit)
