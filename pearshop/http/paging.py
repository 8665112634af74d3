"""Paging by keyset: `limit`, `cursor`, and the `Link` header to the next page (RFC 8288)."""

import base64
import binascii
from dataclasses import dataclass

from starlette.requests import Request

from pearshop.errors import Invalid

DEFAULT_LIMIT = 100
MAX_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Page:
    """Which page is asked for: up to `limit` rows after those that `after` names."""

    limit: int
    after: tuple[int, ...] | None


def page_of(request: Request, members: int) -> Page:
    """Return the page that a request asks for; a cursor has `members` numbers.

    Raises `Invalid` for a bad limit or a cursor that was not made here.
    """
    query = request.query_params
    return Page(_limit(query.get("limit")), _cursor(query.get("cursor"), members))


def next_link(request: Request, last: tuple[int, ...], limit: int) -> dict[str, str]:
    """Return the header that leads to the page after the row `last`."""
    text = base64.urlsafe_b64encode(".".join(map(str, last)).encode()).decode().rstrip("=")
    return {"Link": f'<{request.url.path}?limit={limit}&cursor={text}>; rel="next"'}


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= MAX_LIMIT:
        raise Invalid.of("limit", f"must be a number from 1 to {MAX_LIMIT}.")
    return int(text[:9])


def _cursor(text: str | None, members: int) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        parts = base64.urlsafe_b64decode(padded.encode("ascii")).decode("ascii").split(".")
        numbers = tuple(int(part) for part in parts if part.isdigit() and len(part) < 19)
    except (binascii.Error, ValueError):
        numbers = ()
    if len(numbers) != members:
        raise Invalid.of("cursor", "take it from the Link header of the page before.")
    return numbers
