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
COLUMNS = ("line", "sku", "name", "outcome", "reason")
WORDS = {"taken": "new", "updated": "changed", "unchanged": "as it was", "refused": "refused"}


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
        return desk.page("import.html", status=400, problem=error.detail)
    whole = bytes(desk.page("import_rows.html", dry=dry).body)
    head, tail = whole.split(ROWS)
    return StreamingResponse(_told(desk, lines, file, head, tail, dry=dry), 200, None, "text/html")


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
    rows: list[dict[str, Any]] = []
    last: dict[str, Any] = {}
    try:
        async for each in lines:
            if "outcome" not in each:
                last = each
                continue
            rows.append(each)
            if len(rows) <= SHOWN:
                changed = changes(desk, each.get("before"), each.get("after"))
                row = pages.render("import_row.html", row=each, changes=changed, words=WORDS)
                yield row.encode()
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
        hidden=max(0, len(rows) - SHOWN),
        report=_report(rows),
        file=base64.b64encode(file).decode() if dry else "",
    )
    yield end.encode()
    yield tail


def _report(rows: list[dict[str, Any]]) -> str:
    """Return the address of a CSV that is in the address itself: nobody has to keep it."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return f"data:text/csv;charset=utf-8,{quote(out.getvalue())}"


routes = [
    Route("/product/import", for_staff(show), methods=["GET"]),
    Route("/product/import", for_staff(bring), methods=["POST"]),
    Route("/product/import/try", for_staff(try_out), methods=["POST"]),
]
