"""`/api/category/`: what kinds of products there are."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pearshop.db import catalogue
from pearshop.http import pages, query
from pearshop.http.caching.scope import Scope
from pearshop.http.describe import route
from pearshop.http.pages import Page
from pearshop.http.paging import key_of, limit_of, next_page
from pearshop.http.services import Services, public, services
from pearshop.schemas.category import CategoryOut
from pearshop.schemas.fields import sparse
from pearshop.schemas.query import Cursored

router = APIRouter(prefix="/api/category", tags=["products"])
ORDER = "category"


@router.get("/", response_model=list[CategoryOut], **route(query=Cursored))
async def list_categories(request: Request) -> Response:
    """List the categories by name, each with the number of its products on sale."""
    shop = services(request)
    page = await shop.products.page(
        f"category?{query.text(request)}", lambda may_lag: _make_page(request, shop, may_lag)
    )
    return pages.send(request, page, public(request))


async def _make_page(request: Request, shop: Services, may_lag: bool) -> Page:
    wish = query.read(request, Cursored)
    tree = query.fields(wish, CategoryOut)
    key, limit = key_of(wish.cursor, ORDER, (str,)), limit_of(wish)
    after = None if key is None else str(key[0])
    found = await shop.read(may_lag, catalogue.categories, limit + 1, after)
    shown = [{"name": name, "products": count} for name, count in found[:limit]]
    last = (found[limit - 1][0],) if len(found) > limit else None
    scope = Scope((), steady=True)
    return pages.tagged(sparse(shown, tree), next_page(request, ORDER, last), scope)
