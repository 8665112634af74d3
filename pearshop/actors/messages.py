"""What is said to a cart actor and what it answers. Values only: they cross processes."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pearshop.db.cart import CartSave, Loaded
from pearshop.db.order import Placed, PlaceOrder
from pearshop.db.placement import Grant
from pearshop.domain.cart import Cart, CartCommand, CartLine
from pearshop.domain.order import Order
from pearshop.domain.stock import Left
from pearshop.errors import Refused, Unavailable
from pearshop.telemetry.origins import Origin


class ReadCart(NamedTuple):
    """Answer with the cart as it is after all commands before this one.

    If it still has the version `known`, the answer is `Unchanged`.
    """

    known: int = -1


class Unchanged(NamedTuple):
    """The cart is the one that the caller knows."""


class Call(NamedTuple):
    """One request to the cart of `user_id`.

    `key` (16 bytes) makes a repeat answer as the first did; `fingerprint` tells a repeat from
    another request under the same key. After `deadline` (s since 1970) nobody waits any more.
    `origins`: the requests that it is made for.
    """

    user_id: int
    request: CartCommand | PlaceOrder | ReadCart
    key: bytes
    fingerprint: bytes
    deadline: float
    origins: tuple[Origin, ...] = ()


class LineChanged(NamedTuple):
    """A cart command was carried out and is durable; `line` is `None` when it was removed."""

    line: CartLine | None
    repeated: bool = False


class OrderPlaced(NamedTuple):
    """An order is placed and durable, see `Placed`."""

    order: Order
    left: dict[int, Left]
    repeated: bool = False


class Moved(NamedTuple):
    """The host does not carry this cart: another one does. `unknown`: it may have been done."""

    unknown: bool = False


def late() -> Unavailable:
    """Return the reply to a call whose time is over; it may still be carried out."""
    return Unavailable("The cart did not answer in time.", unknown=True)


Answer = LineChanged | OrderPlaced | Cart | Unchanged
Reply = Answer | Refused | Unavailable | Moved


class CartStore(Protocol):
    """Where one host's cart actors keep their state. Each raises `Unavailable`."""

    async def claim(self) -> Grant:
        """Become the host, see `pearshop.db.placement.claim`."""

    async def confirm(self) -> Grant:
        """Return who is the host now, see `pearshop.db.placement.confirm`."""

    async def load(self, users: Sequence[int], keys: Sequence[tuple[int, bytes]]) -> Loaded:
        """Return stored carts and known commands, see `pearshop.db.cart.load`."""

    async def save(self, grant: Grant, saves: Sequence[CartSave]) -> frozenset[int]:
        """Store carts conditionally, see `pearshop.db.cart.save`."""

    async def place(
        self, grant: Grant, requests: Sequence[PlaceOrder]
    ) -> list[Placed | Refused] | None:
        """Place orders, see `pearshop.db.order.place`."""
