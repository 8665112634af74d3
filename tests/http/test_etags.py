"""Entity tags: what is the same, and which version a change builds on."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.requests import Request

from pearshop.domain.product import Product
from pearshop.errors import Invalid
from pearshop.http.etags import answer, tag_of, tag_of_product, versions

NOW = datetime(2026, 11, 24, 12, 0, 0, 123_456, tzinfo=UTC)
PEAR = Product(1, None, "Pear", 100, "", "", "", 7, False, NOW, NOW)


def _request(**headers: str) -> Request:
    sent = [(k.replace("_", "-").encode(), v.encode("latin-1")) for k, v in headers.items()]
    return Request({"type": "http", "headers": sent})


def _status(tag: str, sent: str) -> int:
    return answer(_request(if_none_match=sent), b"{}", {"ETag": tag}).status_code


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ('"a"', 304),
        ('W/"a"', 304),
        ('"b", "a"', 304),
        ('"b",W/"a" ,"c"', 304),
        ("*", 304),
        ('"b"', 200),
        ("a", 200),
        ('"', 200),
        ("", 200),
        ('"a', 200),
    ],
)
@pytest.mark.parametrize("tag", ['"a"', 'W/"a"'])
def test_what_the_client_has_is_not_sent_again(sent: str, status: int, tag: str) -> None:
    assert _status(tag, sent) == status


def test_304_has_the_headers_but_no_content() -> None:
    sent = answer(_request(if_none_match="*"), b"{}", {"ETag": '"a"', "Cache-Control": "x"})
    assert (sent.body, sent.headers["etag"], sent.headers["cache-control"]) == (b"", '"a"', "x")


def test_a_tag_names_a_version_and_comes_back_as_one() -> None:
    for product in (PEAR, PEAR._replace(stock=None), PEAR._replace(stock=0)):
        sent = _request(if_match=tag_of_product(product))
        assert versions(sent) == ((product.updated_at, product.stock),)


def test_another_version_has_another_tag() -> None:
    later = PEAR._replace(updated_at=NOW + timedelta(microseconds=1))
    tags = {tag_of_product(each) for each in (PEAR, later, PEAR._replace(stock=8))}
    assert len(tags) == 3
    assert tag_of(b"a") != tag_of(b"b")


@pytest.mark.parametrize("sent", ["*", " * ", None])
def test_any_version_will_do(sent: str | None) -> None:
    assert versions(_request(**{} if sent is None else {"if_match": sent})) is None


@pytest.mark.parametrize("sent", ['"x"', '"0-"', '"fffffffffffffff-u"', '"1-99999999999999999999"'])
def test_a_tag_of_something_else_matches_no_version(sent: str) -> None:
    assert versions(_request(if_match=sent)) == ()


@pytest.mark.parametrize("sent", ["", "abc", "123-u", '"'])
def test_what_is_no_tag_is_refused(sent: str) -> None:
    with pytest.raises(Invalid) as refusal:
        versions(_request(if_match=sent))
    assert "If-Match" in (refusal.value.extra or {})
