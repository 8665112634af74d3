"""History: what staff did."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from markupsafe import Markup
from starlette.responses import Response
from starlette.routing import Route

from pearshop.client.audit import Entry
from pearshop.web.admin import find, forms
from pearshop.web.admin.desk import Desk, for_staff
from pearshop.web.admin.find import Choice
from pearshop.web.admin.forms import Words
from pearshop.web.admin.order import day
from pearshop.web.admin.trail import Trail

PAGE = 50
FILTERS = ("who", "subject", "number", "from", "to")
SUBJECTS = {
    "product": "Products",
    "order": "Orders",
    "user": "People",
    "cart": "Carts",
    "image": "Images",
    "webhook": "Webhooks",
}
PATHS = {
    "product": "/product/",
    "order": "/order/",
    "user": "/user/",
    "cart": "/user/",
    "webhook": "/webhook/",
}
"""Where the pages of the things are that things were done to."""
PRICES = ("price", "total_price")
NOTHING = "nothing"


class Change(NamedTuple):
    """A member that was changed, for people."""

    name: str
    before: str | Markup
    after: str | Markup


async def show_list(desk: Desk) -> Response:
    """List and filter what staff did, the latest first."""
    query = forms.query(desk.request)
    filters = query.filled(FILTERS)
    trail = Trail.of(query)
    problems = Words()
    since = day(query["from"], desk.zone.start, "from", problems)
    until = day(query["to"], desk.zone.end, "to", problems)
    who = await find.shopper(desk, query["who"]) if query["who"] else Choice(None, "")
    if who.problem:
        problems["who"] = who.problem
    number = query["number"].removeprefix("#")
    if number and not forms.is_id(number):
        problems["number"] = "Give the number that stands behind the #."
    entries: list[Entry] = []
    cursor = None
    if not problems:
        page = await desk.client.audit.list(
            user=who.id,
            subject=query["subject"][:40] or None,
            subject_id=int(number) if number else None,
            since=since,
            until=until,
            limit=PAGE,
            cursor=trail.cursor,
        )
        entries, cursor = page.items, page.next
    return desk.page(
        "audit.html",
        entries=[(each, changes(desk, each.before, each.after)) for each in entries],
        filters=filters,
        problems=problems,
        subjects=SUBJECTS,
        paths=PATHS,
        trail=trail,
        next=trail.next(filters, cursor),
        previous=trail.previous(filters),
    )


def changes(
    desk: Desk, was: Mapping[str, Any] | None, became: Mapping[str, Any] | None
) -> list[Change]:
    """Return what was changed of something, member by member."""
    before, after = was or {}, became or {}
    return [
        Change(name.replace("_", " "), _shown(desk, name, before), _shown(desk, name, after))
        for name in {**before, **after}
    ]


def _shown(desk: Desk, name: str, values: Mapping[str, Any]) -> str | Markup:
    value = values.get(name)
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in PRICES and isinstance(value, int):
        return desk.money.show(value)
    if name.endswith("_at") and isinstance(value, str):
        try:
            return desk.zone.show(datetime.fromisoformat(value))
        except ValueError:
            return value
    return str(value)


routes = [Route("/audit/", for_staff(show_list), methods=["GET"])]
