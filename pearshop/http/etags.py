"""Entity tags (RFC 9110, 8.8): answers that need not be sent again, changes that cross.

A product's tag names its version: when staff changed it last, and its stock. Who changes a product
under `If-Match` names the version that they saw; orders that took stock meanwhile do not stand in
the way unless the change is one of stock. Lists and orders are tagged by their content, weakly.
Tags are compared without regard to weakness, for an edge that compresses makes every tag weak.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from pearshop.db.product import Version
from pearshop.domain.product import Product
from pearshop.errors import Invalid
from pearshop.http.negotiation import is_known, tags

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
VERSION = re.compile(r"([0-9a-f]{1,15})-(u|[0-9]{1,19})")


def tag_of_product(product: Product) -> str:
    """Return the tag of a product's version."""
    changed = (product.updated_at - EPOCH) // MICROSECOND
    return f'"{changed:x}-{"u" if product.stock is None else product.stock}"'


def tag_of(content: bytes) -> str:
    """Return the weak tag of a content."""
    return f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"'


def answer(request: Request, content: bytes, headers: Mapping[str, str]) -> Response:
    """Return the content as JSON, or 304 if the client has it already by its `ETag`."""
    if is_known(request.headers.get("if-none-match"), headers["ETag"]):
        kept = {k: v for k, v in headers.items() if k != "Content-Encoding"}
        return Response(status_code=304, headers=kept)
    return Response(content, 200, headers, "application/json")


def versions(request: Request) -> tuple[Version, ...] | None:
    """Return the versions of a product that `If-Match` names, `None` if any will do.

    Raises `Invalid` for a header that holds no tags at all.
    """
    sent = request.headers.get("if-match")
    if sent is None or sent.strip() == "*":
        return None
    named = tags(sent)
    if not named:
        raise Invalid.of("If-Match", 'send the ETag of the product, quotes included, or "*".')
    found = (_version(tag.strip('"')) for tag in named)
    return tuple(version for version in found if version is not None)


def _version(tag: str) -> Version | None:
    found = VERSION.fullmatch(tag)
    if found is None:
        return None
    stock = None if found[2] == "u" else int(found[2])
    try:
        return EPOCH + int(found[1], 16) * MICROSECOND, stock
    except OverflowError:
        return None
