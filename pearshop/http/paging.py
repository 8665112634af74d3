"""Paging: cursors, and the headers that lead from page to page (`Link`, RFC 8288)."""

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.requests import Request

from pearshop.errors import Invalid
from pearshop.http.query import text
from pearshop.schemas.query import DEFAULT_LIMIT, MAX_OFFSET, Cursored

TOTAL = "X-Total-Count"
MAX_NUMBER = 1 << 63
MAX_TIME = 253_402_300_800_000_000
"""The end of the year 9999, in µs since 1970."""
MAX_TEXT = 400

Key = tuple[int | float | str, ...]


def limit_of(wish: Cursored) -> int:
    """Return how many things a page has."""
    return wish.limit or DEFAULT_LIMIT


def cursor_of(order: str, key: Key) -> str:
    """Return the cursor that leads behind the thing of that key, in that order."""
    return base64.urlsafe_b64encode(orjson.dumps([order, *key])).decode().rstrip("=")


def key_of(cursor: str | None, order: str, kinds: Sequence[type]) -> Key | None:
    """Return the key in a cursor, `kinds` its members' types; a `datetime` travels as µs.

    Raises `Invalid` for a cursor that was not made here and for this order.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        made_for, *key = orjson.loads(base64.b64decode(padded.encode("ascii"), b"-_", True))
    except (binascii.Error, ValueError, TypeError):
        raise _bad_cursor() from None
    if made_for != order or len(key) != len(kinds):
        raise _bad_cursor()
    if not all(_fits(each, kind) for each, kind in zip(key, kinds, strict=True)):
        raise _bad_cursor()
    return tuple(key)


def id_of(cursor: str | None, order: str) -> int | None:
    """Return the id that a cursor holds, where things are paged by their ids. Raises `Invalid`."""
    key = key_of(cursor, order, (int,))
    return None if key is None else int(key[0])


def next_by_id(request: Request, order: str, ids: Sequence[int], limit: int) -> dict[str, str]:
    """Return the header that leads to the page behind the first `limit` of these ids, if any."""
    return next_page(request, order, (ids[limit - 1],) if len(ids) > limit else None)


def next_page(
    request: Request, order: str, after: Key | None, changes: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the header that leads to the page behind `after`, none if that is `None`.

    `changes`: parameters that are others there.
    """
    if after is None:
        return {}
    return {"Link": _link(request, "next", cursor=cursor_of(order, after), **(changes or {}))}


def counted_pages(
    request: Request,
    limit: int,
    offset: int,
    total: int,
    *,
    most: int = MAX_OFFSET,
    changes: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the headers of a page that was asked for by its offset, which is `most` at most.

    `changes`: parameters that are others on those pages.
    """
    last = max(0, (total - 1) // limit * limit)
    offsets = {
        "first": 0,
        "prev": max(0, min(offset - limit, last)),
        "next": offset + limit,
        "last": last,
    }
    if offset == 0:
        del offsets["prev"]
    if offset + limit >= total:
        del offsets["next"]
    links = [
        _link(request, rel, offset=str(each), **(changes or {}))
        for rel, each in offsets.items()
        if each <= most
    ]
    return {TOTAL: str(total), "Link": ", ".join(links)}


def _link(request: Request, rel: str, **changes: str) -> str:
    sent = parse_qsl(text(request), keep_blank_values=True)
    kept = [(k, v) for k, v in sent if k not in changes]
    return f'<{request.url.path}?{urlencode([*kept, *changes.items()])}>; rel="{rel}"'


def _fits(value: object, kind: type) -> bool:
    if isinstance(value, bool):
        return False
    if kind is float:
        return isinstance(value, int | float) and math.isfinite(value) and abs(value) < 1e6
    if kind is int or kind is datetime:
        return isinstance(value, int) and 0 <= value < (
            MAX_TIME if kind is datetime else MAX_NUMBER
        )
    return isinstance(value, str) and len(value) <= MAX_TEXT and "\0" not in value


def _bad_cursor() -> Invalid:
    return Invalid.of("cursor", "take it from the Link header of the page before.")
