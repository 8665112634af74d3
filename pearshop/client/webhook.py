"""Who is told of orders, and what they were told."""

from collections.abc import Sequence
from datetime import datetime

from pydantic import TypeAdapter

from pearshop.client.base import Model, Noun, Page, page_of
from pearshop.domain.webhook import Topic


class Webhook(Model):
    """A URL that is told of events. `secret`: told once, when it was made."""

    id: int
    url: str
    topics: list[Topic]
    active: bool
    created_at: datetime
    failures: int
    failing_since: datetime | None
    waiting: int
    secret: str | None = None


class Delivery(Model):
    """An event as a webhook is told of it; `last_` is of the last attempt."""

    id: int
    topic: str
    order_id: int | None
    state: str
    attempts: int
    next_attempt_at: datetime | None
    last_attempt_at: datetime | None
    last_status: int | None
    last_error: str
    created_at: datetime


WEBHOOKS = TypeAdapter(list[Webhook])
DELIVERIES = TypeAdapter(list[Delivery])


class Webhooks(Noun):
    """Webhooks; staff see them, owners change them."""

    async def list(self) -> list[Webhook]:
        """Return all of them, the newest first."""
        answer = await self._caller.call("GET", "/api/webhook/")
        return WEBHOOKS.validate_json(answer.content)

    async def get(self, webhook_id: int) -> Webhook:
        """Return a webhook. Raises `NotFound`."""
        answer = await self._caller.call("GET", f"/api/webhook/{webhook_id}/")
        return Webhook.model_validate_json(answer.content)

    async def create(self, url: str, topics: Sequence[str]) -> Webhook:
        """Tell a URL of events; the answer has the secret. Raises `Invalid` and `Conflict`."""
        wish = {"url": url, "topics": list(topics)}
        answer = await self._caller.call("POST", "/api/webhook/", json=wish)
        return Webhook.model_validate_json(answer.content)

    async def switch(self, webhook_id: int, *, active: bool) -> Webhook:
        """Have a URL told of events, or of none. Raises `NotFound`."""
        path, wish = f"/api/webhook/{webhook_id}/", {"active": active}
        answer = await self._caller.call("PATCH", path, json=wish, repeatable=True)
        return Webhook.model_validate_json(answer.content)

    async def rotate(self, webhook_id: int) -> Webhook:
        """Make another secret, which the answer has. Raises `NotFound`."""
        path, wish = f"/api/webhook/{webhook_id}/", {"rotate_secret": True}
        answer = await self._caller.call("PATCH", path, json=wish)
        return Webhook.model_validate_json(answer.content)

    async def remove(self, webhook_id: int) -> None:
        """Tell a URL nothing more. Raises `NotFound`."""
        await self._caller.call("DELETE", f"/api/webhook/{webhook_id}/")

    async def test(self, webhook_id: int) -> None:
        """Send a test in a moment. Raises `NotFound` and `Conflict`."""
        await self._caller.call("POST", f"/api/webhook/{webhook_id}/test/")

    async def deliveries(
        self, webhook_id: int, *, state: str | None, limit: int, cursor: str | None
    ) -> Page[Delivery]:
        """Return a page of what a webhook was told, or is to be, the newest events first."""
        params = {"state": state, "limit": limit, "cursor": cursor}
        path = f"/api/webhook/{webhook_id}/delivery/"
        return page_of(await self._caller.call("GET", path, params=params), DELIVERIES)

    async def redeliver(self, webhook_id: int, event_id: int) -> None:
        """Send an event again in a moment. Raises `NotFound` and `Conflict`."""
        path = f"/api/webhook/{webhook_id}/delivery/{event_id}/redeliver/"
        await self._caller.call("POST", path)
