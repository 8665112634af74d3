"""`/api/cart/`: a cart as a whole, live, and what a visitor's cart becomes at sign-in."""

from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pearshop.db import user as user_rows
from pearshop.domain.cart import AddLines, Cart
from pearshop.domain.user import User
from pearshop.http import body, pages, query
from pearshop.http.answers import json
from pearshop.http.describe import route
from pearshop.http.services import Services, services, session
from pearshop.http.streams import Event
from pearshop.schemas.cart import CartOut, CartQuery, FollowQuery, MergeIn, render_cart
from pearshop.schemas.fields import sparse

router = APIRouter(prefix="/api/cart", tags=["cart"])


@router.get("/", response_model=CartOut, **route(signed_in=True, query=CartQuery, errors=(404,)))
async def get_cart(request: Request) -> Response:
    """Return one's cart, its version, and what stands in the way of ordering it."""
    session(request)
    shop = services(request)
    wish = query.read(request, CartQuery)
    tree = query.fields(wish, CartOut)
    owner = await _owner(request, shop, wish.user)
    cart = await _render(shop, owner, await shop.read_cart(owner.id))
    return pages.private(request, sparse(cart, tree))


@router.get(
    "/events/",
    response_class=StreamingResponse,
    **route(signed_in=True, query=FollowQuery, errors=(404,)),
)
async def follow_cart(request: Request) -> Response:
    """Stream one's cart as it changes (`text/event-stream`), its version as the event's id."""
    caller = session(request)
    shop = services(request)
    owner = await _owner(request, shop, query.read(request, FollowQuery).user)

    async def look(version: int) -> Event | None:
        cart = await shop.cart_after(owner.id, version)
        if cart is None:
            return None
        return Event(cart.version, orjson.dumps(await _render(shop, owner, cart)))

    return await shop.streams.answer(request, caller.user.id, "cart", look)


@router.post(
    "/merge/",
    response_model=CartOut,
    **route(body=MergeIn, signed_in=True, errors=(409,)),
)
async def merge_cart(request: Request) -> Response:
    """Put what a visitor's cart holds into one's own, once, and end the visitor's session.

    Sent again, it does no more than sent once.
    """
    caller = session(request)
    wish = await body.read(request, MergeIn)
    shop = services(request)
    guest = shop.tokens.check_refresh(wish.guest).user
    ended = await shop.database.run(user_rows.merge_guest, guest.id, caller.user.id)
    shop.revoked.add(*ended)
    held = await shop.read_cart(guest.id)
    lines = tuple((each.product_id, each.quantity) for each in held.lines)
    await shop.merge_cart(caller.user, guest.id, AddLines(lines))
    cart = await shop.read_cart(caller.user.id)
    return json(await _render(shop, caller.user, cart))


async def _owner(request: Request, shop: Services, wanted: int | None) -> User:
    """Return whose cart is wanted: the caller's, or for staff anybody's."""
    caller = session(request).user
    if wanted is None or wanted == caller.id:
        return caller
    if not caller.is_staff:
        raise user_rows.unknown_user()
    return await shop.database.run(user_rows.get, wanted)


async def _render(shop: Services, owner: User, cart: Cart) -> dict[str, Any]:
    products = await shop.products.by_ids(line.product_id for line in cart.lines)
    return render_cart(owner, cart, products)
