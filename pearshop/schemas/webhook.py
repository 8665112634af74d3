"""Webhooks on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from pearshop.db.webhook import COUNTED, Delivery, Webhook
from pearshop.domain.webhook import MAX_URL, TOPICS, Topic
from pearshop.schemas.base import EmptyIsNone, Request, Text, instant
from pearshop.schemas.query import Cursored

StateName = Literal["pending", "delivered", "failed"]


def _in_order(topics: list[Topic]) -> list[Topic]:
    return [each for each in TOPICS if each in topics]


Url = Annotated[Text, Field(min_length=1, max_length=MAX_URL, description="https or http.")]
Topics = Annotated[
    list[Topic], Field(min_length=1, max_length=len(TOPICS)), AfterValidator(_in_order)
]


class WebhookIn(Request):
    """A URL that is to be told of events."""

    url: Url
    topics: Topics = Field(
        default_factory=lambda: list(TOPICS), description="All of them unless told."
    )


class WebhookPatch(Request):
    """What is to be another."""

    url: Url | None = None
    topics: Topics | None = None
    active: bool | None = None
    rotate_secret: Annotated[
        bool, Field(description="Make another secret; the answer tells it.")
    ] = False


class WebhookOut(BaseModel):
    """Who is told of events."""

    id: int
    url: str
    topics: list[Topic]
    active: bool
    created_at: datetime
    updated_at: datetime
    failures: Annotated[int, Field(description="Attempts in a row that failed, the last ones.")]
    failing_since: datetime | None
    waiting: Annotated[
        int, Field(description=f"Deliveries that are yet to be made, {COUNTED:,} if more are.")
    ]


class WebhookTold(WebhookOut):
    """A webhook, and its secret if that was made just now: it is not told again."""

    secret: str | None


class DeliveryOut(BaseModel):
    """An event as a webhook is told of it; `id` is the event's. `order_id`: null for a test.

    What is `last_` is of the last attempt; `last_error` is empty if it succeeded.
    """

    id: int
    topic: str
    order_id: int | None
    state: StateName
    attempts: int
    next_attempt_at: datetime | None
    last_attempt_at: datetime | None
    last_status: int | None
    last_error: str
    last_duration_ms: int | None
    created_at: datetime
    delivered_at: datetime | None


class DeliveryQuery(Cursored):
    """Which deliveries are wanted."""

    state: Annotated[StateName | None, EmptyIsNone] = None


def render_webhook(webhook: Webhook) -> dict[str, Any]:
    """Return the members of a webhook, see `WebhookOut`."""
    return _rendered(webhook._asdict())


def render_delivery(delivery: Delivery) -> dict[str, Any]:
    """Return the members of a delivery, see `DeliveryOut`."""
    return _rendered(delivery._asdict())


def _rendered(members: dict[str, Any]) -> dict[str, Any]:
    return {
        name: instant(value) if isinstance(value, datetime) else value
        for name, value in members.items()
    }
