"""Cart actors' store: the database, reached through whoever runs its operations."""

from collections.abc import Sequence

from pearshop.db import cart, order
from pearshop.db.cart import CartSave, Loaded
from pearshop.db.execute import Database
from pearshop.db.order import Placed, PlaceOrder
from pearshop.errors import Refused


class DatabaseCartStore:
    """A `CartStore` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, users: Sequence[int], keys: Sequence[tuple[int, bytes]]) -> Loaded:
        """See `pearshop.db.cart.load`."""
        return await self._database.run(cart.load, users, keys)

    async def save(self, saves: Sequence[CartSave]) -> frozenset[int]:
        """See `pearshop.db.cart.save`."""
        return await self._database.run(cart.save, [cart.encode(each) for each in saves])

    async def place(self, requests: Sequence[PlaceOrder]) -> list[Placed | Refused]:
        """See `pearshop.db.order.place`."""
        return await self._database.run(order.place, requests)
