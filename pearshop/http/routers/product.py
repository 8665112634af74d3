"""`/api/product/`: the catalogue."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pearshop.db import catalogue, search
from pearshop.db import product as rows
from pearshop.db.catalogue import Listed
from pearshop.db.listing import Listing
from pearshop.db.words import corrected, words_of
from pearshop.domain.product import Product, ProductDraft
from pearshop.domain.user import Role
from pearshop.errors import Invalid, Overtaken
from pearshop.http import body, etags, pages, query
from pearshop.http.answers import PRIVATE, json
from pearshop.http.caching.scope import Edit, scope_of
from pearshop.http.describe import route
from pearshop.http.identity import identity
from pearshop.http.pages import Page
from pearshop.http.paging import counted_pages, key_of, limit_of, next_page
from pearshop.http.services import Services, public, services, staff
from pearshop.http.tokens import Session
from pearshop.schemas.fields import Tree, sparse
from pearshop.schemas.product import (
    ProductIn,
    ProductOut,
    ProductPatch,
    ProductQuery,
    ProductView,
    render_product,
)

router = APIRouter(prefix="/api/product", tags=["products"])
KEYS: dict[str, tuple[type, ...]] = {
    "updated": (datetime, int),
    "newest": (int,),
    "name": (str, int),
    "-name": (str, int),
    "price": (int, int),
    "-price": (int, int),
    "best": (float, int),
}
"""What a cursor of each ordering is made of."""
FOR_STAFF = (401, 403)
"""To whoever asks for what is off sale, and is no staff."""
CORRECTED = "X-Corrected-Search"
"""The words that were sought in place of misspelt ones, percent-encoded."""


@router.get("/", response_model=list[ProductOut], **route(query=ProductQuery, errors=FOR_STAFF))
async def list_products(request: Request) -> Response:
    """List, search, filter and sort the products on sale; most recently updated first."""
    shop = services(request)
    if _names_hidden(request) and query.read(request, ProductQuery).hidden:
        staff(request, Role.VIEWER)
        page = await _make_page(request, shop, may_lag=False)
        return pages.send(request, page, PRIVATE)
    page = await shop.products.page(
        f"product?{query.text(request)}",
        lambda may_lag: _make_page(request, shop, may_lag),
        lambda products: _shown(products, _tree(query.read(request, ProductQuery))),
    )
    return pages.send(request, page, public(request))


@router.post(
    "/",
    status_code=201,
    response_model=ProductOut,
    **route(body=ProductIn, signed_in=True, errors=(403, 409)),
)
async def create_product(request: Request) -> Response:
    """Put a product on sale."""
    caller = staff(request)
    wish = await body.read(request, ProductIn)
    shop = services(request)
    draft = ProductDraft(**wish.model_dump())
    product = await shop.database.run(rows.create, draft, caller.user.id)
    await shop.products.changed(product)
    return json(render_product(product), 201, {"ETag": etags.tag_of_product(product)})


@router.get(
    "/{product_id}/",
    response_model=ProductOut,
    **route(query=ProductView, errors=(404, *FOR_STAFF)),
)
async def get_product(request: Request, product_id: str) -> Response:
    """Return a product on sale."""
    if _names_hidden(request) and query.read(request, ProductView).hidden:
        return await _get_hidden(request, identity(product_id, "product"))
    shown = await services(request).products.on_sale(identity(product_id, "product"))
    page = shown.page
    if query.text(request):
        tree = query.fields(query.read(request, ProductView), ProductOut)
        page = Page(orjson.dumps(sparse(render_product(shown.product), tree)), page.headers)
    return pages.send(request, page, public(request))


@router.put(
    "/{product_id}/",
    response_model=ProductOut,
    **route(body=ProductIn, signed_in=True, seen=True, errors=(403, 404, 409)),
)
async def replace_product(request: Request, product_id: str) -> Response:
    """Set all members of a product; of the optional ones, those that are given."""
    caller = staff(request)
    wish = await body.read(request, ProductIn)
    return await _change(
        request, caller, product_id, wish.model_dump(include=wish.model_fields_set)
    )


@router.patch(
    "/{product_id}/",
    response_model=ProductOut,
    **route(body=ProductPatch, signed_in=True, seen=True, errors=(403, 404, 409)),
)
async def change_product(request: Request, product_id: str) -> Response:
    """Set some members of a product."""
    caller = staff(request)
    wish = await body.read(request, ProductPatch)
    if not wish.model_fields_set:
        raise Invalid("Name at least one member to change.", "empty")
    changes = wish.model_dump(include=wish.model_fields_set)
    return await _change(request, caller, product_id, changes)


@router.delete(
    "/{product_id}/",
    status_code=204,
    response_class=Response,
    **route(signed_in=True, seen=True, errors=(403, 404)),
)
async def delete_product(request: Request, product_id: str) -> Response:
    """Take a product off sale. Past orders keep it."""
    caller = staff(request)
    shop = services(request)
    sought, seen = identity(product_id, "product"), etags.versions(request)
    try:
        product = await shop.database.run(rows.hide, sought, seen, caller.user.id)
    except Overtaken as error:
        raise await _with_current(shop, sought, error) from None
    await shop.products.changed(product)
    return Response(status_code=204)


def _names_hidden(request: Request) -> bool:
    """Return whether the query names `hidden`; most are not even taken apart for that."""
    sent = query.text(request)
    return ("hidden" in sent or "%" in sent) and "hidden" in request.query_params


async def _get_hidden(request: Request, product_id: int) -> Response:
    """Return a product to staff, even if it is off sale, as the database has it."""
    staff(request, Role.VIEWER)
    tree = query.fields(query.read(request, ProductView), ProductOut)
    product = await _as_stored(services(request), product_id)
    content = orjson.dumps(sparse(render_product(product), tree))
    page = Page(content, {"ETag": etags.tag_of_product(product)})
    return pages.send(request, page, PRIVATE)


async def _as_stored(shop: Services, product_id: int) -> Product:
    """Return a product from the database, even if it is off sale. Raises `NotFound`."""
    found = await shop.database.run(rows.by_ids, [product_id])
    if not found:
        raise rows.unknown_product()
    return found[0]


async def _change(
    request: Request, caller: Session, product_id: str, changes: dict[str, Any]
) -> Response:
    shop = services(request)
    sought, seen = identity(product_id, "product"), etags.versions(request)
    try:
        product, before = await shop.database.run(
            rows.change, sought, changes, seen, caller.user.id
        )
    except Overtaken as error:
        raise await _with_current(shop, sought, error) from None
    await shop.products.changed(product, Edit(tuple(changes), before))
    return json(render_product(product), 200, {"ETag": etags.tag_of_product(product)})


async def _with_current(shop: Services, product_id: int, error: Overtaken) -> Overtaken:
    """Return the refusal with the product as it is now, for the caller to compare."""
    current = await _as_stored(shop, product_id)
    return Overtaken(error.detail, error.code, {"current": render_product(current)})


async def _make_page(request: Request, shop: Services, may_lag: bool) -> Page:
    wish = query.read(request, ProductQuery)
    tree, asked = _tree(wish), _listing(wish)
    listing, found = await _find(shop, asked, may_lag)
    # The pages that follow are those of the words that were found.
    better = {} if listing is asked else {"search": listing.search}
    headers = {CORRECTED: quote(listing.search)} if better and found.products else {}
    if wish.offset is None:
        headers |= next_page(request, listing.ordering, found.after, better)
    else:
        total = await shop.read(may_lag, catalogue.total, listing)
        headers |= counted_pages(request, listing.limit, listing.offset, total, changes=better)
    return pages.tagged(_shown(found.products, tree), headers, scope_of(listing, found))


def _tree(wish: ProductQuery) -> Tree | None:
    """Return which members are wanted; `None`: all. Raises `Invalid`."""
    return query.fields(wish, ProductOut)


def _shown(products: list[Product], tree: Tree | None) -> list[Any]:
    """Return products as a page shows them."""
    return [sparse(render_product(each), tree) for each in products]


def _listing(wish: ProductQuery) -> Listing:
    listing = wish.listing()
    ordering = wish.ordering or ("best" if listing.search else "updated")
    return replace(
        listing,
        ids=wish.ids,
        ordering=ordering,
        limit=wish.limit or max(limit_of(wish), len(wish.ids or ())),
        after=key_of(wish.cursor, ordering, KEYS[ordering]),
        offset=wish.offset or 0,
    )


async def _find(shop: Services, listing: Listing, may_lag: bool) -> tuple[Listing, Listed]:
    """Return a page and its listing: another than was asked for, if only other words are found."""
    found = await shop.read(may_lag, catalogue.page, listing)
    if found.products or not listing.search or listing.after:
        return listing, found
    words = words_of(listing.search)
    near = await shop.read(may_lag, search.near_words, words)
    better = corrected(words, near)
    if better == words:
        return listing, found
    listing = replace(listing, search=" ".join(better))
    return listing, await shop.read(may_lag, catalogue.page, listing)
