"""People: accounts, what they may do, what they have in their carts and have ordered."""

import asyncio
from typing import get_args

from starlette.responses import Response
from starlette.routing import Route

from pearshop.client.user import RoleName
from pearshop.errors import Conflict, Invalid
from pearshop.web.admin import forms
from pearshop.web.admin.desk import Desk, for_staff
from pearshop.web.admin.trail import Trail

PAGE = 50
LATEST = 10
FILTERS = ("search", "role", "active")
ROLES = {
    "shopper": "Shopper: buys, and sees what is their own",
    "viewer": "Viewer: sees the whole shop, and changes nothing",
    "editor": "Editor: changes products, carts and orders",
    "owner": "Owner: decides who may do what",
}


async def show_list(desk: Desk) -> Response:
    """List, search and filter accounts, the newest first."""
    query = forms.query(desk.request)
    filters = query.filled(FILTERS)
    trail = Trail.of(query)
    page = await desk.client.users.list(
        search=query["search"][:200],
        role=_role(query["role"]),
        active={"yes": True, "no": False}.get(query["active"]),
        limit=PAGE,
        cursor=trail.cursor,
    )
    return desk.page(
        "users.html",
        accounts=page.items,
        filters=filters,
        role_options=[("", "Any"), *((each, each.capitalize()) for each in get_args(RoleName))],
        trail=trail,
        next=trail.next(filters, page.next),
        previous=trail.previous(filters),
    )


def _role(word: str) -> RoleName | None:
    return next((each for each in get_args(RoleName) if each == word), None)


async def show(desk: Desk) -> Response:
    """Show an account with its latest orders and its cart, to a script the cart alone."""
    user_id = _id(desk)
    if desk.wants_part:
        return desk.part("user_cart.html", cart=await desk.client.carts.of(user_id))
    account, orders, cart = await asyncio.gather(
        desk.client.users.get(user_id),
        desk.client.orders.list(user=user_id, limit=LATEST),
        desk.client.carts.of(user_id),
    )
    return desk.page("user.html", account=account, orders=orders, cart=cart, roles=ROLES)


async def change(desk: Desk) -> Response:
    """Set what somebody may do, or whether they may sign in."""
    form = await forms.read(desk.request)
    role, active = _role(form["role"]), {"yes": True, "no": False}.get(form["active"])
    if role is None and active is None:
        raise Invalid("Choose a role.")
    path = f"/user/{_id(desk)}"
    try:
        account = await desk.client.users.change(_id(desk), role=role, active=active)
    except Conflict as error:
        return desk.go(path, error.detail, good=False)
    if role is not None:
        return desk.go(path, f"{account.username} is {account.role} now.")
    word = "may sign in again" if account.active else "can no longer sign in"
    return desk.go(path, f"{account.username} {word}.")


async def end_sessions(desk: Desk) -> Response:
    """End all sessions of an account."""
    await desk.client.users.end_sessions(_id(desk))
    return desk.go(f"/user/{_id(desk)}", "All sessions are over: they have to sign in again.")


def _id(desk: Desk) -> int:
    found: int = desk.request.path_params["id"]
    return found


routes = [
    Route("/user/", for_staff(show_list), methods=["GET"]),
    Route("/user/{id:int}", for_staff(show), methods=["GET"]),
    Route("/user/{id:int}", for_staff(change), methods=["POST"]),
    Route("/user/{id:int}/sessions", for_staff(end_sessions), methods=["POST"]),
]
