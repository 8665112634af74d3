"""Lines of carts and orders."""

from datetime import datetime

from pydantic import TypeAdapter

from pearshop.client.base import Model, Noun, Someone
from pearshop.client.product import Product


class Line(Model):
    """So many of a product; of an order, at the price that was charged."""

    id: int
    product: Product
    quantity: int
    total_price: int
    user: Someone
    created_at: datetime
    updated_at: datetime


LINES = TypeAdapter(list[Line])


class Carts(Noun):
    """What shoppers have in their carts."""

    async def of(self, user_id: int) -> list[Line]:
        """Return a shopper's cart as it is now; for staff."""
        answer = await self._caller.call("GET", "/api/order-item/", params={"user": user_id})
        return LINES.validate_json(answer.content)
