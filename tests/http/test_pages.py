"""Long answers: compressed where that is wanted and worth it."""

import gzip

import pytest
from starlette.requests import Request

from pearshop.http.caching.scope import Scope
from pearshop.http.pages import WORTH_IT, Page, private, send

LONG = Page(b"[" + b"1," * WORTH_IT + b"1]", {"ETag": 'W/"a"'})
SHORT = Page(b"[]", {"ETag": 'W/"b"'})


def _request(accepted: str | None = None, known: str | None = None) -> Request:
    pairs = ((b"accept-encoding", accepted), (b"if-none-match", known))
    sent = [(name, value.encode()) for name, value in pairs if value is not None]
    return Request({"type": "http", "headers": sent})


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip", True),
        ("br, gzip", True),
        ("deflate,gzip;q=0.5", True),
        ("gzip;q=1.0, identity", True),
        ("gzip;q=0", False),
        ("gzip; q=0.0, br", False),
        ("xgzip", False),
        ("gzipped", False),
        ("br", False),
        ("", False),
        (None, False),
    ],
)
def test_who_takes_gzip_gets_it(accepted: str | None, compressed: bool) -> None:
    answer = send(_request(accepted), LONG, {"Vary": "Authorization"})
    assert ("content-encoding" in answer.headers) is compressed
    content = gzip.decompress(bytes(answer.body)) if compressed else bytes(answer.body)
    assert content == LONG.content
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["vary"] == "Authorization, Accept-Encoding"


def test_what_is_short_stays_as_it_is() -> None:
    answer = send(_request("gzip"), SHORT, {"Vary": "Authorization"})
    assert (bytes(answer.body), answer.headers["vary"]) == (b"[]", "Authorization")


def test_what_the_client_has_is_not_compressed_for_it() -> None:
    answer = send(_request("gzip", 'W/"a"'), LONG, {})
    assert (answer.status_code, answer.body) == (304, b"")
    assert "content-encoding" not in answer.headers


def test_a_page_is_compressed_once() -> None:
    page = Page(LONG.content, LONG.headers)
    assert send(_request("gzip"), page, {}).body is send(_request("gzip"), page, {}).body


def test_private_ones_are_for_no_cache() -> None:
    answer = private(_request("gzip"), [1], {"Link": "x"})
    assert answer.headers["cache-control"] == "private, no-store"
    assert (answer.headers["link"], answer.headers["etag"][:3]) == ("x", 'W/"')


def test_a_page_comes_back_from_redis_as_it_was() -> None:
    for scope in (None, Scope((1, 2), "Fruit", steady=True), Scope(())):
        page = Page(b'["\\n"]', {"ETag": 'W/"a"', "Link": "<x>"}, scope)
        assert Page.decode(page.encode()) == page


@pytest.mark.parametrize("value", [b"{", b"{}\n[]", b'[{"ETag": "x"}, [1]]\n[]'])
def test_what_redis_has_from_elsewhere_is_no_page(value: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - that is all its callers look at
        Page.decode(value)
