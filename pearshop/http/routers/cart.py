"""`/api/order-item/`: the lines of carts. The contract calls them order items."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pearshop.actors.messages import LineChanged
from pearshop.db import history
from pearshop.db import user as user_rows
from pearshop.domain.cart import (
    MAX_LINES,
    AddLine,
    CartLine,
    ChangeLine,
    RemoveLine,
    line_id,
    split_line_id,
)
from pearshop.domain.order import OrderLine
from pearshop.domain.product import Product
from pearshop.domain.user import Role, User
from pearshop.errors import Invalid, NotFound
from pearshop.http import body, pages, query
from pearshop.http.answers import REPEATED, json
from pearshop.http.describe import route
from pearshop.http.identity import identity
from pearshop.http.paging import counted_pages, id_of, limit_of, next_page
from pearshop.http.services import Services, check_role, once_done, services, session
from pearshop.http.tokens import Session
from pearshop.schemas.cart import (
    MAX_OFFSET,
    LineIn,
    LineOut,
    LinePatch,
    LinePut,
    LineQuery,
    render_line,
)
from pearshop.schemas.fields import sparse
from pearshop.schemas.order import render_sold
from pearshop.schemas.query import Sparse

router = APIRouter(prefix="/api/order-item", tags=["cart"])
OLDEST, NEWEST = "oldest", "newest"


@router.get("/", response_model=list[LineOut], **route(signed_in=True, query=LineQuery))
async def list_lines(request: Request) -> Response:
    """List the lines in one's cart; staff: the lines of every cart and order, largest id first.

    One's cart comes whole unless a `limit` is given.
    """
    caller = session(request)
    wish = query.read(request, LineQuery)
    tree = query.fields(wish, LineOut)
    shop, owner = services(request), caller.user
    listed = _list_all if owner.is_staff and wish.user is None else _list_own
    if owner.is_staff and wish.user is not None:
        owner = await _owner(shop, caller, wish.user)
    lines, headers = await listed(request, shop, owner, wish)
    return pages.private(request, sparse(lines, tree), headers)


@router.post(
    "/",
    status_code=201,
    response_model=LineOut,
    **route(body=LineIn, signed_in=True, keyed=True, errors=(404,)),
)
async def add_line(request: Request) -> Response:
    """Put a product into the cart; one that is there already becomes more."""
    caller = session(request)
    wish = await body.read(request, LineIn)
    command = AddLine(wish.product_id, wish.quantity)
    return await _change(request, caller.user, caller.user, command, status=201)


@router.get(
    "/{line}/", response_model=LineOut, **route(signed_in=True, query=Sparse, errors=(404,))
)
async def get_line(request: Request, line: str) -> Response:
    """Return a line: its owner's while it is in the cart, staff's always."""
    caller = session(request)
    tree = query.fields(query.read(request, Sparse), LineOut)
    shop = services(request)
    sought = identity(line, "line")
    owner_id, number = _owned(caller, sought)
    try:
        found = (await shop.read_cart(owner_id)).line(number)
    except NotFound:
        if not caller.user.is_staff:
            raise
        may_lag = shop.freshness.has_replicas  # an ordered line never changes
        sold = await shop.read(may_lag, history.line, sought)
        return pages.private(request, sparse(await _render_sold(shop, *sold), tree))
    content = await _render(shop, await _owner(shop, caller, owner_id), found)
    return pages.private(request, sparse(content, tree))


@router.put(
    "/{line}/",
    response_model=LineOut,
    **route(body=LinePut, signed_in=True, keyed=True, errors=(404,)),
)
async def replace_line(request: Request, line: str) -> Response:
    """Set a line's quantity, and its product where one is named."""
    session(request)
    wish = await body.read(request, LinePut)
    return await _set(request, line, wish.quantity, wish.product_id)


@router.patch(
    "/{line}/",
    response_model=LineOut,
    **route(body=LinePatch, signed_in=True, keyed=True, errors=(404,)),
)
async def change_line(request: Request, line: str) -> Response:
    """Set a line's quantity, its product, or both."""
    session(request)
    wish = await body.read(request, LinePatch)
    if wish.quantity is None and wish.product_id is None:
        raise Invalid("Name a quantity or a product_id to change.", "empty")
    return await _set(request, line, wish.quantity, wish.product_id)


@router.delete(
    "/{line}/",
    status_code=204,
    response_class=Response,
    **route(signed_in=True, keyed=True, errors=(404,)),
)
async def remove_line(request: Request, line: str) -> Response:
    """Take a line out of the cart."""
    caller = session(request)
    owner_id, number = _owned(caller, identity(line, "line"), Role.EDITOR)
    shop = services(request)
    changed = await shop.change_cart(request, caller.user, owner_id, RemoveLine(number))
    return Response(status_code=204, headers=REPEATED if changed.repeated else None)


async def _set(
    request: Request, line: str, quantity: int | None, product_id: int | None
) -> Response:
    caller = session(request)
    shop = services(request)
    owner_id, number = _owned(caller, identity(line, "line"), Role.EDITOR)
    owner = await _owner(shop, caller, owner_id)
    command = ChangeLine(number, quantity, product_id)
    return await _change(request, caller.user, owner, command)


async def _change(
    request: Request, caller: User, owner: User, command: AddLine | ChangeLine, status: int = 200
) -> Response:
    shop = services(request)
    changed = await _carry_out(request, caller, owner.id, command)
    assert changed.line is not None
    with once_done():
        content = await _render(shop, owner, changed.line)
    return json(content, status, REPEATED if changed.repeated else None)


async def _carry_out(
    request: Request, caller: User, owner_id: int, command: AddLine | ChangeLine
) -> LineChanged:
    """Change the cart if the product is on sale, or was when the key was first used."""
    shop = services(request)
    if command.product_id is not None:
        try:
            await shop.products.on_sale(command.product_id)
        except NotFound:
            before = await shop.repeat_of(request, owner_id, command)
            if before is None:
                raise
            return before
    return await shop.change_cart(request, caller, owner_id, command)


def _owned(caller: Session, line: int, least: Role = Role.VIEWER) -> tuple[int, int]:
    """Return owner and number of a line; someone else's is for staff of that role.

    Raises `NotFound` to shoppers and `Forbidden` to staff.
    """
    owner_id, number = split_line_id(line)
    if owner_id != caller.user.id:
        if not caller.user.is_staff:
            raise NotFound("There is no such line in the cart.", "line_unknown")
        check_role(caller.user, least)
    return owner_id, number


async def _owner(shop: Services, caller: Session, owner_id: int) -> User:
    if owner_id == caller.user.id:
        return caller.user
    return await shop.database.run(user_rows.get, owner_id)


async def _render(shop: Services, owner: User, line: CartLine) -> dict[str, Any]:
    products = await shop.products.by_ids([line.product_id])
    return render_line(owner.id, owner.username, line, products[line.product_id])


async def _render_sold(
    shop: Services, user_id: int, username: str, line: OrderLine
) -> dict[str, Any]:
    products = await shop.products.by_ids([line.product_id])
    return render_sold(user_id, username, line, products[line.product_id])


async def _list_own(
    request: Request, shop: Services, user: User, wish: LineQuery
) -> tuple[list[Any], dict[str, str]]:
    cart = await shop.read_cart(user.id)
    after = id_of(wish.cursor, OLDEST) or 0
    limit, offset = wish.limit or MAX_LINES, wish.offset or 0
    lines = [e for e in cart.lines if line_id(user.id, e.number) > after]
    shown = lines[offset : offset + limit]
    products = await shop.products.by_ids(line.product_id for line in shown)
    rendered = [
        render_line(user.id, user.username, line, products[line.product_id]) for line in shown
    ]
    if wish.offset is not None:
        return rendered, counted_pages(request, limit, offset, len(lines), most=MAX_OFFSET)
    last = (line_id(user.id, shown[-1].number),) if len(lines) > len(shown) else None
    return rendered, next_page(request, OLDEST, last)


async def _list_all(
    request: Request, shop: Services, caller: User, wish: LineQuery
) -> tuple[list[Any], dict[str, str]]:
    before = id_of(wish.cursor, NEWEST)
    limit, offset = limit_of(wish), wish.offset or 0
    # All that is needed, of both: which of them are on the page depends on how they mix.
    may_lag = await shop.freshness.may_read_history(caller.id)
    wanted = offset + limit + 1
    in_carts, sold = await shop.read(may_lag, history.lines_everywhere, wanted, before)
    # A line that was ordered meanwhile is in both: as an ordered one it is newer.
    found: dict[int, tuple[int, str, CartLine | OrderLine]] = {
        line_id(each[0], each[2].number): each for each in in_carts
    }
    found |= {each[2].id: each for each in sold}
    page = sorted(found, reverse=True)[offset : offset + limit]
    products = await shop.products.by_ids({found[each][2].product_id for each in page})
    rendered = [_render_either(found[each], products) for each in page]
    if wish.offset is not None:
        total = await shop.read(may_lag, history.count_lines_everywhere)
        return rendered, counted_pages(request, limit, offset, total, most=MAX_OFFSET)
    return rendered, next_page(request, NEWEST, (page[-1],) if len(found) > limit else None)


def _render_either(
    found: tuple[int, str, CartLine | OrderLine], products: dict[int, Product]
) -> dict[str, Any]:
    user_id, username, line = found
    product = products[line.product_id]
    if isinstance(line, OrderLine):
        return render_sold(user_id, username, line, product)
    return render_line(user_id, username, line, product)
