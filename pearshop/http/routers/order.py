"""`/api/order/`: orders."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pearshop.db import order as rows
from pearshop.domain.cart import split_line_id
from pearshop.domain.order import Order, unknown_lines
from pearshop.http import body
from pearshop.http.answers import REPEATED, json
from pearshop.http.describe import route
from pearshop.http.identity import identity
from pearshop.http.paging import next_link, page_of
from pearshop.http.services import Services, once_done, services, session
from pearshop.schemas.order import OrderIn, OrderOut, render_order

router = APIRouter(prefix="/api/order", tags=["orders"])


@router.get("/", response_model=list[OrderOut], **route(signed_in=True, paged=True))
async def list_orders(request: Request) -> Response:
    """List one's own orders, newest first; staff: everyone's."""
    caller = session(request)
    shop = services(request)
    page = page_of(request, members=1)
    owner = None if caller.user.is_staff else caller.user.id
    before = page.after[0] if page.after else None
    found = await shop.database.run(rows.page, owner, page.limit, before)
    headers = next_link(request, (found[-1].id,), page.limit) if len(found) == page.limit else None
    return json(await _render(shop, found), 200, headers)


@router.post(
    "/",
    status_code=201,
    response_model=OrderOut,
    **route(body=OrderIn, signed_in=True, keyed=True),
)
async def place_order(request: Request) -> Response:
    """Order lines of one's cart, all of them or none."""
    caller = session(request)
    wish = await body.read(request, OrderIn)
    split = [split_line_id(each) for each in wish.order_item_ids]
    foreign = [
        each
        for each, (owner, _) in zip(wish.order_item_ids, split, strict=True)
        if owner != caller.user.id
    ]
    if foreign:
        raise unknown_lines(foreign)
    shop = services(request)
    placed = await shop.place_order(
        request,
        caller.user,
        tuple(number for _, number in split),
        wish.delivery_address,
        wish.expected_total_price,
    )
    if not placed.repeated:
        shop.products.changed([line.product_id for line in placed.order.lines])
    with once_done():
        content = (await _render(shop, [placed.order]))[0]
    return json(content, 201, REPEATED if placed.repeated else None)


@router.get("/{order_id}/", response_model=OrderOut, **route(signed_in=True, errors=(404,)))
async def get_order(request: Request, order_id: str) -> Response:
    """Return an order: its owner's, or any for staff."""
    caller = session(request)
    shop = services(request)
    owner = None if caller.user.is_staff else caller.user.id
    order = await shop.database.run(rows.get, identity(order_id, "order"), owner)
    return json((await _render(shop, [order]))[0])


async def _render(shop: Services, orders: list[Order]) -> list[dict[str, object]]:
    products = await shop.products.by_ids(
        {line.product_id for order in orders for line in order.lines}
    )
    return [render_order(order, products) for order in orders]
