"""Answers that may be long: tagged, compressed for whoever takes gzip, sent only where new."""

import asyncio
import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from pearshop.http import etags
from pearshop.http.answers import PRIVATE
from pearshop.http.caching.scope import Scope
from pearshop.http.negotiation import takes_gzip

COMPRESSION = 5
"""gzip's level: the next ones cost much and gain little with JSON."""
WORTH_IT = 600
"""Bytes from which on a content is compressed; less fits into one packet anyway."""


@dataclass(frozen=True)
class Page:
    """A JSON content, the headers that it always has, and what decides it, where that is known.

    `age` (s): how long Redis had kept it.
    """

    content: bytes
    headers: dict[str, str]
    scope: Scope | None = None
    age: float = field(default=0.0, compare=False)

    @cached_property
    def compressed(self) -> bytes:
        """The content by gzip, made once for the many who are shown the same page."""
        return gzip.compress(self.content, COMPRESSION, mtime=0)

    def encode(self) -> bytes:
        """Return the form in which Redis keeps it."""
        scope = None if self.scope is None else tuple(self.scope)
        return orjson.dumps((self.headers, scope)) + b"\n" + self.content

    @classmethod
    def decode(cls, value: bytes, age: float = 0.0) -> "Page":
        """Return a page that Redis kept for `age` seconds. Raises `ValueError` for what is none."""
        head, _, content = value.partition(b"\n")
        match orjson.loads(head):
            case [dict() as headers, None]:
                return cls(content, headers, None, age)
            case [dict() as headers, [list() as products, category, steady]]:
                scope = Scope(tuple(products), category, steady)
                return cls(content, headers, scope, age)
        raise ValueError("no page of this release")


def with_products(page: Page, products: Mapping[int, Any]) -> Page:
    """Return a page that lists the same products, these of them with these values."""
    assert page.scope is not None
    listed = zip(page.scope.products, orjson.loads(page.content), strict=True)
    values = [products.get(product_id, value) for product_id, value in listed]
    return replace(tagged(values, page.headers, page.scope), age=page.age)


def tagged(value: Any, headers: Mapping[str, str], scope: Scope | None = None) -> Page:
    """Return plain values as a page, with its `ETag`."""
    content = orjson.dumps(value)
    return Page(content, {**headers, "ETag": etags.tag_of(content)}, scope)


def send(request: Request, page: Page, headers: Mapping[str, str]) -> Response:
    """Return a page with these headers, too, or 304 if the client has it already."""
    headers = {**page.headers, **headers}
    if len(page.content) < WORTH_IT:
        return etags.answer(request, page.content, headers)
    headers["Vary"] = ", ".join(filter(None, (headers.get("Vary"), "Accept-Encoding")))
    if not takes_gzip(request.headers.get("accept-encoding")):
        return etags.answer(request, page.content, headers)
    headers["Content-Encoding"] = "gzip"
    return etags.answer(request, page.compressed, headers)


async def packed(request: Request, value: Any) -> Response:
    """Return plain values for the caller alone, however long: compressed aside, never as 304."""
    content, headers = orjson.dumps(value), {**PRIVATE, "Vary": "Accept-Encoding"}
    if len(content) >= WORTH_IT and takes_gzip(request.headers.get("accept-encoding")):
        content = await asyncio.to_thread(gzip.compress, content, COMPRESSION)
        headers["Content-Encoding"] = "gzip"
    return Response(content, 200, headers, "application/json")


def private(request: Request, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Return plain values for the caller alone, or 304."""
    return send(request, tagged(value, headers or {}), PRIVATE)
