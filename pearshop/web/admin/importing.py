"""A product file: what would become of its rows, and then the import, shown as it goes on."""

import base64
import csv
import io
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from pearshop.errors import Forbidden, Refused, Unauthenticated, Unavailable
from pearshop.web.admin import forms, pages
from pearshop.web.admin.audit import changes
from pearshop.web.admin.desk import Desk, for_staff

FIELD = "file"
ROWS = b"<!--rows-->"
"""Where rows stand in the page; what is in front of it is sent at once."""
SHOWN = 5_000
"""Rows that the page shows; the report has them all."""
STEP = 500
MORE = b'<li class="more" aria-hidden="true"></li>'
"""Stands for `STEP` rows that are not shown: the page goes on counting, and no proxy takes the
silence for the end."""
AS_IT_COMES = {"X-Accel-Buffering": "no"}
"""Has nginx hand on each part at once."""
COLUMNS = ("line", "sku", "name", "outcome", "reason")
WORDS = {"taken": "new", "updated": "changed", "unchanged": "as it was", "refused": "refused"}
LARGE = (
    "The file is too large to be sent from here. Send it in parts, or have whoever runs the shop \
take it in by the command `pearshop import-products`."
)


async def show(desk: Desk) -> Response:
    """Ask for the file."""
    if not desk.may("editor"):
        raise Forbidden("An editor can import products; your role is to look.")
    return desk.page("import.html", problem="")


async def try_out(desk: Desk) -> Response:
    """Show what would become of each row."""
    return await _bring(desk, dry=True)


async def bring(desk: Desk) -> Response:
    """Import the file."""
    return await _bring(desk, dry=False)


async def _bring(desk: Desk, *, dry: bool) -> Response:
    try:
        file = await forms.read_file(desk.request, FIELD)
        lines = await desk.client.products.bring(file, dry_run=dry)
    except (Unauthenticated, Forbidden):
        raise
    except Refused as error:
        problem = LARGE if error.code == forms.TOO_LARGE else error.detail
        return desk.page("import.html", status=400, problem=problem)
    total = (await anext(lines))["rows"]
    whole = bytes(desk.page("import_rows.html", dry=dry, total=total).body)
    head, tail = whole.split(ROWS)
    told = _told(desk, lines, file, head, tail, dry=dry)
    return StreamingResponse(told, 200, AS_IT_COMES, "text/html")


async def _told(
    desk: Desk,
    lines: AsyncIterator[dict[str, Any]],
    file: bytes,
    head: bytes,
    tail: bytes,
    *,
    dry: bool,
) -> AsyncIterator[bytes]:
    yield head
    report = _Report()
    last: dict[str, Any] = {}
    try:
        async for each in lines:
            if "outcome" not in each:
                last = each
                continue
            report.add(each)
            if report.rows <= SHOWN:
                changed = changes(desk, each.get("before"), each.get("after"))
                row = pages.render("import_row.html", row=each, changes=changed, words=WORDS)
                yield row.encode()
            elif report.rows % STEP == 0:
                yield MORE
    except Unavailable as error:
        last = {"error": f"{error} Import the file again: what is done stays as it is."}
    end = pages.render(
        "import_end.html",
        at=desk.at,
        dry=dry,
        counts=last.get("counts"),
        advice=last.get("advice", ""),
        error=last.get("error", ""),
        words=WORDS,
        hidden=max(0, report.rows - SHOWN),
        report=report.address(),
        file=base64.b64encode(file).decode() if dry else "",
    )
    yield end.encode()
    yield tail


class _Report:
    """What became of the rows, as CSV."""

    def __init__(self) -> None:
        self.rows = 0
        self._out = io.StringIO()
        self._writer = csv.DictWriter(self._out, COLUMNS, extrasaction="ignore")
        self._writer.writeheader()

    def add(self, row: dict[str, Any]) -> None:
        """Add what became of a row."""
        self.rows += 1
        self._writer.writerow(row)

    def address(self) -> str:
        """Return an address that the report is in itself: nobody has to keep it."""
        return f"data:text/csv;charset=utf-8,{quote(self._out.getvalue())}"


routes = [
    Route("/product/import", for_staff(show), methods=["GET"]),
    Route("/product/import", for_staff(bring), methods=["POST"]),
    Route("/product/import/try", for_staff(try_out), methods=["POST"]),
]
