"""What browsers send."""

import pytest
from starlette.requests import Request
from starlette.types import Message

from pearshop.errors import Invalid
from pearshop.web.admin import forms


def request(*parts: bytes, query: bytes = b"") -> Request:
    left = [*parts, b""]

    async def receive() -> Message:
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": query, "headers": []}
    return Request(scope, receive)


async def test_fields_are_read_stripped_and_absent_ones_are_empty() -> None:
    form = await forms.read(request(b"name=+a%0D%0Ab+&pass", b"word=+x+&id=3&id=4&id=x&id=3&id=-1"))
    assert form["name"] == "a\nb"
    assert form.exactly("password") == " x "
    assert form["nothing"] == ""
    assert form.identities("id") == [3, 4]
    assert form.filled(("name", "nothing")) == {"name": "a\nb"}


async def test_bad_bytes_do_no_harm() -> None:
    form = await forms.read(request(b"name=%FF%00\xffx"))
    assert form["name"] == "\ufffd\ufffdx"


async def test_a_form_that_is_too_large_is_refused() -> None:
    with pytest.raises(Invalid, match="too large"):
        await forms.read(request(b"a=" + b"x" * forms.MAX_BYTES))
    with pytest.raises(Invalid, match="too many"):
        await forms.read(request(b"&".join([b"a=1"] * (forms.MAX_FIELDS + 1))))


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "٣", "9223372036854775808", "1e3", "x"])
def test_what_is_no_id(text: str) -> None:
    assert not forms.is_id(text)


def test_the_largest_id() -> None:
    assert forms.is_id(str((1 << 63) - 1))


def test_a_query_is_read_as_a_form_is() -> None:
    assert forms.query(request(query=b"search=a+b&sort="))["search"] == "a b"
