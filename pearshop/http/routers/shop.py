"""`/api/shop/`: what a client has to know of the shop before it shows a price."""

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from pearshop.db import shop as rows
from pearshop.http import pages, query
from pearshop.http.caching.scope import Scope
from pearshop.http.describe import route
from pearshop.http.pages import Page
from pearshop.http.services import Services, public, services
from pearshop.schemas.fields import sparse
from pearshop.schemas.query import Sparse

router = APIRouter(prefix="/api/shop", tags=["shop"])


class ShopOut(BaseModel):
    """The shop. A price of 1250 in GBP with exponent 2 is 12.50 pounds."""

    currency: str
    currency_exponent: int


@router.get("/", response_model=ShopOut, **route(query=Sparse))
async def get_shop(request: Request) -> Response:
    """Tell which currency prices are in."""
    shop = services(request)
    page = await shop.products.page(
        f"shop?{query.text(request)}", lambda may_lag: _make_page(request, shop, may_lag)
    )
    return pages.send(request, page, public(request))


async def _make_page(request: Request, shop: Services, may_lag: bool) -> Page:
    tree = query.fields(query.read(request, Sparse), ShopOut)
    found = await shop.read(may_lag, rows.get)
    return pages.tagged(sparse(found._asdict(), tree), {}, Scope((), steady=True))
