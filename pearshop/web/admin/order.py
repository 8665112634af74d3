"""Orders: the list, one at a time, several at once, and their packing slips."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from pearshop.client.order import Order
from pearshop.domain.fulfilment import NEXT, Status
from pearshop.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from pearshop.web.admin import find, forms
from pearshop.web.admin.desk import Desk, for_staff
from pearshop.web.admin.find import Choice
from pearshop.web.admin.forms import Form, Words
from pearshop.web.admin.trail import Trail

PAGE = 50
AT_ONCE = 8
"""Calls under way at the API in one person's name."""
MOST = 100
"""Orders that one form moves, or one page prints."""
FILTERS = ("search", "status", "from", "to", "shopper", "product")
VERBS: Mapping[Status, str] = {
    Status.PLACED: "Placed",
    Status.PACKED: "Mark as packed",
    Status.SHIPPED: "Mark as shipped",
    Status.DELIVERED: "Mark as delivered",
    Status.CANCELLED: "Cancel",
}


async def show_list(desk: Desk) -> Response:
    """List, search and filter orders, the newest first."""
    query = forms.query(desk.request)
    filters = query.filled(FILTERS)
    trail = Trail.of(query)
    problems = Words()
    members, choices = await narrowed(desk, query, problems)
    orders: list[Order] = []
    cursor = None
    if not problems:
        page = await desk.client.orders.list(
            **members,
            limit=PAGE,
            cursor=trail.cursor,
        )
        orders, cursor = page.items, page.next
    return desk.page(
        "orders.html",
        orders=orders,
        filters=filters,
        problems=problems,
        choices=choices,
        statuses=list(Status),
        status_options=[("", "Any"), *((each.value, each.capitalize()) for each in Status)],
        verbs=VERBS,
        trail=trail,
        next=trail.next(filters, cursor),
        previous=trail.previous(filters),
    )


async def narrowed(
    desk: Desk, query: Form, problems: dict[str, str]
) -> tuple[dict[str, Any], dict[str, Choice]]:
    """Return the members of a listing that a filter makes, and what its words were taken for.

    What is wrong goes into `problems`.
    """
    choices = await _choices(desk, query, problems)
    members = {
        "status": _status(query["status"]),
        "since": day(query["from"], desk.zone.start, "from", problems),
        "until": day(query["to"], desk.zone.end, "to", problems),
        "user": choices["shopper"].id if "shopper" in choices else None,
        "product": choices["product"].id if "product" in choices else None,
        "search": query["search"][:200],
    }
    return members, choices


def day(
    text: str, read: Callable[[str], datetime], name: str, problems: dict[str, str]
) -> datetime | None:
    """Return the time that a day in a filter stands for; what is wrong goes into `problems`."""
    if not text:
        return None
    try:
        return read(text)
    except ValueError as error:
        problems[name] = str(error)
        return None


async def _choices(desk: Desk, query: Form, problems: dict[str, str]) -> dict[str, Choice]:
    looks = {"shopper": find.shopper, "product": find.product}
    asked = [name for name in looks if query[name]]
    found = await asyncio.gather(*(looks[name](desk, query[name]) for name in asked))
    choices = dict(zip(asked, found, strict=True))
    problems |= {name: each.problem for name, each in choices.items() if each.problem}
    return choices


def _status(word: str) -> Status | None:
    return next((each for each in Status if each == word), None)


async def show(desk: Desk) -> Response:
    """Show an order."""
    order = await desk.client.orders.get(_id(desk))
    return desk.page("order.html", order=order, possible=NEXT[order.status], verbs=VERBS)


async def move(desk: Desk) -> Response:
    """Move an order on."""
    form = await forms.read(desk.request)
    wanted = _status(form["status"])
    if wanted is None:
        raise Invalid("Choose what the order is now.")
    path = f"/order/{_id(desk)}"
    try:
        await desk.client.orders.move(_id(desk), wanted)
    except Conflict as error:
        return desk.go(path, error.detail, good=False)
    again = ", and its stock is back" if wanted == Status.CANCELLED else ""
    return desk.go(path, f"Order #{_id(desk)} is {wanted}{again}.")


async def move_several(desk: Desk) -> Response:
    """Move the chosen orders on, as many as can be; cancelling is asked for twice."""
    form = await forms.read(desk.request)
    chosen = form.identities("id")[:MOST]
    wanted = _status(form["status"])
    if not chosen:
        return desk.back("/order/", "Tick the orders first that you mean.", good=False)
    if form["status"] == "slips":
        return desk.go("/order/slips", ids=",".join(map(str, chosen)))
    if wanted is None:
        return desk.back("/order/", "Choose what to do with the orders.", good=False)
    if wanted == Status.CANCELLED and not form["sure"]:
        found = await _orders(desk, chosen)
        return desk.page("orders_cancel.html", orders=found)
    done, failed = await _move_all(desk, chosen, wanted)
    said = f"{done} {'order is' if done == 1 else 'orders are'} {wanted} now."
    said = " ".join([said if done or not failed else "No order was moved.", *failed])
    if form["sure"]:  # sent from the question, to which nobody wants to go back
        return desk.go("/order/", said, good=not failed)
    return desk.back("/order/", said, good=not failed)


async def _move_all(desk: Desk, chosen: Sequence[int], wanted: Status) -> tuple[int, list[str]]:
    """Return how many orders were moved, and what was said of the others."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(order_id: int) -> str:
        async with gate:
            try:
                await desk.client.orders.move(order_id, wanted)
            except (Conflict, NotFound, Unavailable) as error:
                return f"#{order_id}: {error}"
        return ""

    outcomes = await asyncio.gather(*map(one, chosen))
    failed = [each for each in outcomes if each]
    return len(chosen) - len(failed), failed


async def show_slips(desk: Desk) -> Response:
    """Show packing slips, to be printed."""
    asked = forms.query(desk.request)["ids"].split(",")
    chosen = [int(each) for each in asked if forms.is_id(each)][:MOST]
    if not chosen:
        raise Invalid("No order is named: choose some in the list of orders.")
    return desk.page("slips.html", orders=await _orders(desk, chosen), back="/order/")


async def show_slip(desk: Desk) -> Response:
    """Show one order's packing slip."""
    order = await desk.client.orders.get(_id(desk))
    return desk.page("slips.html", orders=[order], back=f"/order/{order.id}")


async def _orders(desk: Desk, chosen: Sequence[int]) -> list[Order]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(order_id: int) -> Order | None:
        async with gate:
            try:
                return await desk.client.orders.get(order_id)
            except Refused:
                return None

    found = await asyncio.gather(*map(one, chosen))
    return [order for order in found if order is not None]


def _id(desk: Desk) -> int:
    found: int = desk.request.path_params["id"]
    return found


routes = [
    Route("/order/", for_staff(show_list), methods=["GET"]),
    Route("/order/move", for_staff(move_several), methods=["POST"]),
    Route("/order/slips", for_staff(show_slips), methods=["GET"]),
    Route("/order/{id:int}", for_staff(show), methods=["GET"]),
    Route("/order/{id:int}", for_staff(move), methods=["POST"]),
    Route("/order/{id:int}/slip", for_staff(show_slip), methods=["GET"]),
]
