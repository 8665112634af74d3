"""Pages of other origins."""

from contextlib import nullcontext

import pytest
from pydantic import ValidationError
from starlette.requests import Request

from pearshop.errors import Forbidden
from pearshop.http.browsers.cross_origin import check_own_page
from pearshop.settings import Settings

ADMIN = "https://admin.example"


def _request(origin: str | None, site: str | None) -> Request:
    told = {"host": "shop.example", "origin": origin, "sec-fetch-site": site}
    headers = [(k.encode(), v.encode()) for k, v in told.items() if v is not None]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("origin", "site", "is_own"),
    [
        ("https://shop.example", "same-origin", True),
        ("http://localhost:1", "same-origin", True),  # a proxy between changed the host
        (None, "none", True),  # typed by the user
        (None, None, True),  # no browser
        ("https://shop.example", None, True),  # an old browser
        (ADMIN, "same-site", True),
        (ADMIN, "cross-site", False),  # whose cookie the browser would not keep
        (ADMIN, None, True),
        ("https://blog.example", "same-site", False),
        ("https://evil.example", "cross-site", False),
        ("https://evil.example", None, False),
        ("https://shop.example.evil.example", None, False),
        ("null", "cross-site", False),  # a frame in a sandbox
        ("null", None, False),
        (None, "cross-site", False),
        (None, "anything", False),
    ],
)
def test_who_may_use_a_cookie(origin: str | None, site: str | None, is_own: bool) -> None:
    with nullcontext() if is_own else pytest.raises(Forbidden, match="own site"):
        check_own_page(_request(origin, site), (ADMIN,))


@pytest.mark.parametrize("origin", ["*", "admin.example", "https://", "https://a.example/", "null"])
def test_what_is_no_origin_is_refused_at_start(origin: str) -> None:
    with pytest.raises(ValidationError, match="write it like https://admin"):
        Settings(cors_origins=f"https://good.example,{origin}")


def test_origins_are_listed_by_commas() -> None:
    assert Settings(cors_origins="HTTPS://a.example, http://b.example:3000").origins == (
        "https://a.example",
        "http://b.example:3000",
    )
