"""The shop's day: what was sold, what waits, what runs out."""

import asyncio
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from pearshop.client.report import Report
from pearshop.errors import Unavailable
from pearshop.web.admin import chart, forms
from pearshop.web.admin.desk import Desk, for_staff

LATEST = 8
DAYS = (7, 30, 90)
LOW = 5
"""Up to so many pieces left, a product is told of."""
PERIODS = {
    "today": ("Today", "the day before, until this time"),
    "last_7_days": ("7 days", "the 7 days before"),
    "last_30_days": ("30 days", "the 30 days before"),
}


async def show(desk: Desk) -> Response:
    """Show how the shop does; to a script that asks again, only what has changed since."""
    asked = forms.query(desk.request)["days"]
    days = next((each for each in DAYS if str(each) == asked), 30)
    report, latest = await asyncio.gather(
        _report(desk, days), desk.client.orders.list(limit=LATEST)
    )
    sales = [] if isinstance(report, str) else report.days
    members: dict[str, Any] = {
        "report": report,
        "orders": latest.items,
        "periods": PERIODS,
        "change": change,
        "days": days,
        "spans": DAYS,
        "bars": list(zip(sales, chart.bars([each.revenue for each in sales]), strict=True)),
        "low": LOW,
    }
    if desk.wants_part:
        return desk.part("dashboard_now.html", **members)
    return desk.page("dashboard.html", **members)


async def _report(desk: Desk, days: int) -> Report | str:
    """Return how the shop does, or why that is not known yet; orders are shown without it, too."""
    try:
        return await desk.client.reports.get(zone=desk.zone.name, days=days, low=LOW)
    except Unavailable as error:
        return str(error)


def change(now: int, before: int) -> str:
    """Return how much more or less something is than it was."""
    if now == before:
        return "as much as"
    if not before:
        return "up from nothing in"
    percent = round(abs(now - before) * 100 / before)
    return f"{f'{percent:,}' if percent else 'under 1'}% {'more' if now > before else 'less'} than"


routes = [Route("/", for_staff(show), methods=["GET"])]
