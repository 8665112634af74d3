"""`/api/order/`: orders."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pearshop.db import fulfilment, history
from pearshop.domain.cart import split_line_id
from pearshop.domain.fulfilment import Status
from pearshop.domain.order import Order, unknown_lines
from pearshop.domain.user import User
from pearshop.http import body, pages, query
from pearshop.http.answers import REPEATED, json
from pearshop.http.caching.scope import Edit
from pearshop.http.describe import route
from pearshop.http.identity import identity
from pearshop.http.paging import counted_pages, id_of, limit_of, next_by_id
from pearshop.http.services import Services, once_done, services, session, staff
from pearshop.schemas.fields import sparse
from pearshop.schemas.order import OrderIn, OrderMove, OrderOut, OrderQuery, render_order
from pearshop.schemas.query import Sparse

router = APIRouter(prefix="/api/order", tags=["orders"])
ORDER = "id"


@router.get("/", response_model=list[OrderOut], **route(signed_in=True, query=OrderQuery))
async def list_orders(request: Request) -> Response:
    """List one's own orders, newest first; staff: everyone's."""
    caller = session(request)
    wish = query.read(request, OrderQuery)
    tree = query.fields(wish, OrderOut)
    before, limit = id_of(wish.cursor, ORDER), limit_of(wish)
    shop = services(request)
    wanted = wish.wanted()
    if not caller.user.is_staff:
        wanted = wanted._replace(user_id=caller.user.id)
    offset = wish.offset or 0
    may_lag = await shop.freshness.may_read_history(caller.user.id)
    found = await shop.read(may_lag, history.page, wanted, limit + 1, before, offset)
    if wish.offset is None:
        headers = next_by_id(request, ORDER, [each.id for each in found], limit)
    else:
        total = await shop.read(may_lag, history.count, wanted)
        headers = counted_pages(request, limit, offset, total)
    return pages.private(request, sparse(await _render(shop, found[:limit]), tree), headers)


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
    await shop.products.sold(placed.left)
    with once_done():
        content = (await _render(shop, [placed.order]))[0]
    return json(content, 201, REPEATED if placed.repeated else None)


@router.get(
    "/{order_id}/", response_model=OrderOut, **route(signed_in=True, query=Sparse, errors=(404,))
)
async def get_order(request: Request, order_id: str) -> Response:
    """Return an order: its owner's, or any for staff."""
    caller = session(request)
    tree = query.fields(query.read(request, Sparse), OrderOut)
    shop = services(request)
    owner = None if caller.user.is_staff else caller.user.id
    may_lag = await shop.freshness.may_read_history(caller.user.id)
    order = await shop.read(may_lag, history.get, identity(order_id, "order"), owner)
    return pages.private(request, sparse((await _render(shop, [order]))[0], tree))


@router.patch(
    "/{order_id}/",
    response_model=OrderOut,
    **route(body=OrderMove, signed_in=True, errors=(403, 404, 409)),
)
async def move_order(request: Request, order_id: str) -> Response:
    """Move an order on: packed, shipped, delivered, or cancelled, which puts its stock back."""
    caller = staff(request)
    wish = await body.read(request, OrderMove)
    return await _advance(request, caller.user, order_id, Status(wish.status), None)


@router.post(
    "/{order_id}/cancel/", response_model=OrderOut, **route(signed_in=True, errors=(404, 409))
)
async def cancel_order(request: Request, order_id: str) -> Response:
    """Cancel one's own order while it is only placed; its stock is put back, once."""
    caller = session(request)
    return await _advance(request, caller.user, order_id, Status.CANCELLED, caller.user.id)


async def _advance(
    request: Request, caller: User, order_id: str, wanted: Status, owner: int | None
) -> Response:
    shop = services(request)
    sought = identity(order_id, "order")
    async with shop.freshness.writing(caller.id):
        moved = await shop.database.run(fulfilment.advance, sought, wanted, owner, caller.id)
    for product, before in moved.restocked:
        await shop.products.changed(product, Edit(("stock",), before))
    with once_done():
        return json((await _render(shop, [moved.order]))[0])


async def _render(shop: Services, orders: list[Order]) -> list[dict[str, object]]:
    products = await shop.products.by_ids(
        {line.product_id for order in orders for line in order.lines}
    )
    return [render_order(order, products) for order in orders]
