"""What is sent, and that receivers can tell whose it is by the documented code."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from pearshop.webhooks.message import EVENT_ID, SIGNATURE, TOPIC, Event, body_of, headers_of
from tests.pure import _nothing_outside

__all__ = ["_nothing_outside"]
DOCS = Path(__file__).parents[2] / "docs" / "webhooks.md"
SECRET = "whsec_of-ada"
EVENT = Event(7, "order.placed", datetime(2026, 11, 20, 12, tzinfo=UTC), {"order_id": 3})
BODY = body_of(EVENT)
NOW = 1_800_000_000


def verify() -> Callable[..., bool]:
    """Return the function that the documentation gives to receivers."""
    [code] = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    return cast("Callable[..., bool]", names["is_from_the_shop"])


def test_the_body_is_the_event() -> None:
    assert orjson.loads(BODY) == {
        "id": 7,
        "topic": "order.placed",
        "created_at": "2026-11-20T12:00:00.000000Z",
        "data": {"order_id": 3},
    }
    assert body_of(EVENT) == BODY


def test_headers_name_the_event_and_sign_the_body() -> None:
    headers = headers_of(EVENT, BODY, SECRET, NOW)
    assert headers["Content-Type"] == "application/json"
    assert (headers[EVENT_ID], headers[TOPIC]) == ("7", "order.placed")
    # openssl dgst -sha256 -hmac whsec_of-ada, of "1800000000." and the body
    assert headers[SIGNATURE] == (
        "t=1800000000,v1=9495c8a7d7e13ad4e6aa1696b5012ea2e30d29a1fbfa51ab8f5c3c77014af443"
    )


def test_the_documented_code_takes_what_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    signed = headers_of(EVENT, BODY, SECRET, NOW)[SIGNATURE]
    monkeypatch.setattr(time, "time", lambda: NOW + 299.0)
    assert verify()(SECRET, signed, BODY)


@pytest.mark.parametrize(
    ("secret", "change", "body", "later"),
    [
        ("whsec_of-eve", ("", ""), BODY, 0),
        (SECRET, ("", ""), BODY + b" ", 0),
        (SECRET, ("t=18", "t=19"), BODY, 0),
        (SECRET, ("v1=", "v1=0"), BODY, 0),
        (SECRET, ("v1=", "v0="), BODY, 0),
        (SECRET, ("t=", "x="), BODY, 0),
        (SECRET, ("t=1800000000", "t=soon"), BODY, 0),
        (SECRET, ("t=1800000000", "t"), BODY, 0),
        (SECRET, ("", ""), BODY, 301),
        (SECRET, ("", ""), BODY, -301),
    ],
)
def test_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, secret: str, change: tuple[str, str], body: bytes, later: int
) -> None:
    signed = headers_of(EVENT, BODY, SECRET, NOW)[SIGNATURE].replace(*change)
    monkeypatch.setattr(time, "time", lambda: float(NOW + later))
    assert not verify()(secret, signed, body)


@pytest.mark.parametrize("header", ["", ",", "t=,v1=", "v1=\u00fc"])
def test_nor_does_it_fail_over_what_is_no_signature(header: str) -> None:
    assert not verify()(SECRET, header, BODY)
