"""Cart actors' store: the database, reached through whoever runs its operations."""

from collections.abc import Sequence

from pearshop.db import cart, order, placement
from pearshop.db.cart import CartSave, Loaded
from pearshop.db.execute import Database
from pearshop.db.order import Placed, PlaceOrder
from pearshop.db.placement import Grant
from pearshop.domain.cart import lean
from pearshop.errors import Refused


class DatabaseCartStore:
    """A `CartStore` on PostgreSQL, for the process `actor` that is host `number`."""

    def __init__(self, database: Database, number: int, actor: str) -> None:
        self._database = database
        self._number = number
        self._actor = actor

    async def claim(self) -> Grant:
        """See `pearshop.db.placement.claim`."""
        return await self._database.run(placement.claim, self._number, self._actor)

    async def confirm(self) -> Grant:
        """See `pearshop.db.placement.confirm`."""
        return await self._database.run(placement.confirm, self._number)

    async def load(self, users: Sequence[int], keys: Sequence[tuple[int, bytes]]) -> Loaded:
        """See `pearshop.db.cart.load`."""
        loaded: Loaded = await self._database.run(cart.load, users, keys)
        carts = {user_id: lean(each) for user_id, each in loaded.carts.items()}
        return Loaded(carts, loaded.commands)

    async def save(self, grant: Grant, saves: Sequence[CartSave]) -> frozenset[int]:
        """See `pearshop.db.cart.save`."""
        return await self._database.run(cart.save, grant, [cart.encode(each) for each in saves])

    async def place(
        self, grant: Grant, requests: Sequence[PlaceOrder]
    ) -> list[Placed | Refused] | None:
        """See `pearshop.db.order.place`."""
        results = await self._database.run(order.place, grant, requests)
        if results is None:
            return None
        return [
            each._replace(cart=lean(each.cart)) if isinstance(each, Placed) else each
            for each in results
        ]
