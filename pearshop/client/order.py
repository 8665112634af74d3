"""Orders."""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from pearshop.client.base import Model, Noun, Page, Someone, page_of
from pearshop.client.cart import Line
from pearshop.domain.fulfilment import Status


class Event(Model):
    """Where an order came to, and when."""

    status: Status
    created_at: datetime


class Order(Model):
    """An order. Its first event is that it was placed."""

    id: int
    user: Someone
    delivery_address: str
    order_items: list[Line]
    total_price: int
    status: Status
    events: list[Event]
    created_at: datetime
    updated_at: datetime


ORDERS = TypeAdapter(list[Order])


class Orders(Noun):
    """Orders; everyone's for staff, one's own otherwise."""

    async def list(
        self,
        *,
        status: Status | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        user: int | None = None,
        product: int | None = None,
        search: str = "",
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Order]:
        """Return a page of orders, the newest first."""
        params = {
            "status": status,
            "since": since,
            "until": until,
            "user": user,
            "product": product,
            "search": search or None,
            "limit": limit,
            "cursor": cursor,
        }
        return page_of(await self._caller.call("GET", "/api/order/", params=params), ORDERS)

    async def export(self, members: Mapping[str, Any]) -> AsyncIterator[bytes]:
        """Return the orders of a filter, as `list` takes it, as CSV."""
        return await self._caller.stream("/api/order/export/", members)

    async def get(self, order_id: int) -> Order:
        """Return an order. Raises `NotFound`."""
        answer = await self._caller.call("GET", f"/api/order/{order_id}/")
        return Order.model_validate_json(answer.content)

    async def move(self, order_id: int, status: Status) -> Order:
        """Move an order on; to where it is already changes nothing.

        Raises `NotFound`, and `Conflict` for a move that is not possible.
        """
        answer = await self._caller.call(
            "PATCH", f"/api/order/{order_id}/", json={"status": status}, repeatable=True
        )
        return Order.model_validate_json(answer.content)
