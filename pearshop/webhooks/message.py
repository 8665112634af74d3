"""What a subscriber is sent: the body, and headers that say whose and what it is. Pure."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from pearshop import __version__
from pearshop.schemas.base import instant

SIGNATURE = "PearShop-Signature"
EVENT_ID = "PearShop-Event-Id"
TOPIC = "PearShop-Topic"


class Event(NamedTuple):
    """Something that happened: its number is the same however often it is told."""

    id: int
    topic: str
    created_at: datetime
    data: Mapping[str, Any]


def body_of(event: Event) -> bytes:
    """Return the body, the same each time."""
    at = instant(event.created_at)
    return orjson.dumps(
        {"id": event.id, "topic": event.topic, "created_at": at, "data": event.data}
    )


def headers_of(event: Event, body: bytes, secret: str, at: int) -> dict[str, str]:
    """Return the headers of a body that is sent `at` so many seconds after 1970."""
    return {
        "Content-Type": "application/json",
        "User-Agent": f"PearShop/{__version__}",
        EVENT_ID: str(event.id),
        TOPIC: event.topic,
        SIGNATURE: signature(secret, at, body),
    }


def signature(secret: str, at: int, body: bytes) -> str:
    """Return the value of the header that proves who sent a body, and when."""
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
