"""What a filter finds, as a file that a spreadsheet opens."""

from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from pearshop.errors import Invalid
from pearshop.web.admin import forms, order, product_filter
from pearshop.web.admin.desk import Desk, for_staff
from pearshop.web.admin.forms import Words

CSV = "text/csv; charset=utf-8"
UNFIT = "Mend the filter in the list first: {}"


async def products(desk: Desk) -> Response:
    """Send the products of a filter."""
    wanted = product_filter.read(desk, forms.query(desk.request))
    _check(wanted.problems)
    return _file("products", await desk.client.products.export(wanted.members))


async def orders(desk: Desk) -> Response:
    """Send the orders of a filter, a row for each line."""
    problems = Words()
    members, _ = await order.narrowed(desk, forms.query(desk.request), problems)
    _check(problems)
    return _file("orders", await desk.client.orders.export(members))


def _check(problems: Words) -> None:
    """Raise `Invalid` where a filter is not what was meant: all products would be a surprise."""
    if problems:
        raise Invalid(UNFIT.format(" ".join(problems.values())))


def _file(name: str, parts: AsyncIterator[bytes]) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(parts, 200, headers, CSV)


routes = [
    Route("/product/export", for_staff(products), methods=["GET"]),
    Route("/order/export", for_staff(orders), methods=["GET"]),
]
