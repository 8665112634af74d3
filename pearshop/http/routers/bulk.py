"""`/api/product/bulk/`: many products at once, after a preview."""

from collections.abc import Sequence

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pearshop.db import bulk
from pearshop.db.listing import Listing
from pearshop.domain.bulk import BulkEdit
from pearshop.http import body
from pearshop.http.answers import json
from pearshop.http.describe import route
from pearshop.http.services import services, staff
from pearshop.schemas.bulk import BulkIn, BulkOut, render_bulk

router = APIRouter(prefix="/api/product", tags=["products"])


@router.post(
    "/bulk/", response_model=BulkOut, **route(body=BulkIn, signed_in=True, errors=(403, 412))
)
async def change_products(request: Request) -> Response:
    """Change many products, all or none; a `preview` tells what would change."""
    caller = staff(request)
    wish = await body.read(request, BulkIn)
    shop = services(request)
    edit = BulkEdit(wish.price_percent, wish.category, wish.stock, wish.hidden)
    if wish.preview:
        return json(render_bulk(await shop.database.run(bulk.preview, _chosen(wish), edit)))
    done = await shop.database.run(bulk.change, _chosen(wish), edit, wish.version, caller.user.id)
    await shop.products.changed_together([each.product for each in done.changed])
    return json(render_bulk(done))


def _chosen(wish: BulkIn) -> Sequence[int] | Listing:
    if wish.ids is not None:
        return wish.ids
    return Listing(
        wish.search.strip(),
        wish.in_category,
        wish.min_price,
        wish.max_price,
        wish.in_stock,
        hidden=wish.off_sale,
    )
