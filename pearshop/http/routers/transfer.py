"""Product files come in, products and orders go out; answers are streamed as they are made."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pearshop.catalogue.exporting import cells
from pearshop.catalogue.files import RawRow, read_products
from pearshop.catalogue.importing import BATCH, check, outcomes
from pearshop.catalogue.report import Report
from pearshop.catalogue.rows import COLUMNS, RowChecker
from pearshop.catalogue.storing import Stored, store
from pearshop.db import catalogue, history
from pearshop.db import shop as shops
from pearshop.domain.order import Order
from pearshop.domain.user import Role
from pearshop.errors import ConfigurationError, Invalid, Unavailable
from pearshop.http import query
from pearshop.http.answers import PRIVATE
from pearshop.http.body import UnsupportedBody
from pearshop.http.describe import route
from pearshop.http.services import Services, services, staff
from pearshop.schemas.base import instant
from pearshop.schemas.order import OrderFilter
from pearshop.schemas.product import ImportQuery, ProductFilter

router = APIRouter(prefix="/api")

IMPORT = "/api/product/import/"
MAX_FILE_BYTES = 8 * 1024 * 1024
"""Some 200,000 products; what is larger is for the command line."""
PAGE = 500
NDJSON = "application/x-ndjson"
GZIP_MAGIC = b"\x1f\x8b"
FILES = {kind: {"schema": {"type": "string"}} for kind in ("text/csv", "application/jsonl")}
ORDER_COLUMNS = (
    *("order", "status", "placed_at", "username", "delivery_address", "product_id", "product"),
    *("quantity", "price", "line_total", "order_total"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would run."""


@router.post(
    "/product/import/",
    tags=["products"],
    response_class=StreamingResponse,
    **route(content=FILES, signed_in=True, query=ImportQuery, errors=(403,)),
)
async def import_products(request: Request) -> Response:
    """Take a product file as the body: CSV, or JSON lines.

    The answer is JSON lines: how many rows there are, then what became of each as it is done, with
    the members that changed; then the counts, or why it stopped, which the same file again mends.
    """
    caller = staff(request)
    wish = query.read(request, ImportQuery)
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedBody("Send the file uncompressed.", "unsupported_media_type")
    content = await request.body()
    if content.startswith(GZIP_MAGIC):
        raise UnsupportedBody("Send the file unpacked.", "unsupported_media_type")
    try:
        rows = await asyncio.to_thread(read_products, "The file", content)
    except ConfigurationError as error:
        raise Invalid(str(error), "file_unreadable") from None
    shop = services(request)
    exponent = (await shop.database.run(shops.get)).currency_exponent
    told = _import(shop, rows, RowChecker(exponent), caller.user.id, dry=wish.dry_run)
    return StreamingResponse(told, 200, PRIVATE, NDJSON)


@router.get(
    "/product/export/",
    tags=["products"],
    response_class=StreamingResponse,
    **route(signed_in=True, query=ProductFilter, errors=(403,)),
)
async def export_products(request: Request) -> Response:
    """Send the products of a filter as CSV, as an import takes them."""
    staff(request, Role.VIEWER)
    wish = query.read(request, ProductFilter)
    shop = services(request)
    exponent = (await shop.database.run(shops.get)).currency_exponent
    listing = replace(wish.listing(), ordering="newest", limit=PAGE)

    # The first page before the answer begins, so that what is wrong can still be told.
    first = await shop.database.run(catalogue.page, listing)

    async def rows() -> AsyncIterator[Sequence[Any]]:
        page = first
        while True:
            for each in page.products:
                yield list(cells(each, exponent).values())
            if page.after is None:
                return
            page = await shop.database.run(catalogue.page, replace(listing, after=page.after))

    return _csv("products", COLUMNS, rows())


@router.get(
    "/order/export/",
    tags=["orders"],
    response_class=StreamingResponse,
    **route(signed_in=True, query=OrderFilter, errors=(403,)),
)
async def export_orders(request: Request) -> Response:
    """Send the orders of a filter as CSV, a row for each line, prices in the shop's unit."""
    staff(request, Role.VIEWER)
    wish = query.read(request, OrderFilter)
    shop, wanted = services(request), wish.wanted()

    first = await shop.database.run(history.page, wanted, PAGE)  # likewise

    async def rows() -> AsyncIterator[Sequence[Any]]:
        page = first
        while page:
            for each in page:
                for row in _rows_of(each):
                    yield row
            page = await shop.database.run(history.page, wanted, PAGE, page[-1].id)

    return _csv("orders", ORDER_COLUMNS, rows())


async def _import(
    shop: Services, rows: list[RawRow], checker: RowChecker, by: int, *, dry: bool
) -> AsyncIterator[bytes]:
    report = Report()
    yield _line({"rows": len(rows)})
    for at in range(0, len(rows), BATCH):
        accepted, refused = check(checker, rows[at : at + BATCH])
        try:
            stored: dict[int, Stored] = await shop.database.run(store, accepted, by, dry)
        except Unavailable as error:
            again = "Send the file again: what is done stays as it is."
            yield _line({"error": f"{error.detail} {again}"})
            return
        told = outcomes(accepted, refused, stored)
        report.rows += told
        names = {row.line: row.draft.name for row in accepted}
        yield b"".join(_line(_told(each, stored, names)) for each in told)
    yield _line({"counts": report.counts(), "advice": report.advice()})


def _told(each: Any, stored: dict[int, Stored], names: dict[int, str]) -> dict[str, Any]:
    found = stored.get(each.line)
    changes = {} if found is None else {"before": found.before, "after": found.after}
    return asdict(each) | {"name": names.get(each.line, "")} | changes


def _line(told: Any) -> bytes:
    return orjson.dumps(told) + b"\n"


def _rows_of(order: Order) -> Iterator[Sequence[Any]]:
    head = (
        order.id,
        order.status,
        instant(order.created_at),
        _harmless(order.username),
        _harmless(order.delivery_address),
    )
    for line in order.lines:
        sold = (line.product_id, _harmless(line.product_name), line.quantity, line.price)
        yield (*head, *sold, line.total_price, order.total_price)


def _harmless(text: str) -> str:
    """Return text that a spreadsheet shows and does not run; shoppers may have written it."""
    return f"'{text}" if text.startswith(FORMULA) else text


def _csv(name: str, columns: Sequence[str], rows: AsyncIterator[Sequence[Any]]) -> Response:
    async def lines() -> AsyncIterator[bytes]:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(columns)
        async for row in rows:
            writer.writerow(row)
            if out.tell() > 1 << 15:
                yield _taken(out)
        yield _taken(out)

    kept = {**PRIVATE, "Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(lines(), 200, kept, "text/csv; charset=utf-8")


def _taken(out: io.StringIO) -> bytes:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text.encode()
