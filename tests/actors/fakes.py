"""A cart store in memory that keeps the database's promises and can be made to fail."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from pearshop.actors.messages import Call, ReadCart
from pearshop.db.cart import CartSave, Done, Loaded
from pearshop.db.order import Placed, PlaceOrder
from pearshop.domain.cart import Cart, CartCommand
from pearshop.errors import Refused, Unavailable

FAR = 1e12


class MemoryStore:
    """Conditional saves, known keys, counts of calls, and faults on demand."""

    def __init__(self) -> None:
        self.carts: dict[int, Cart] = {}
        self.commands: dict[tuple[int, bytes], Done] = {}
        self.loads: list[list[int]] = []
        self.saves: list[list[int]] = []
        self.faults: deque[str] = deque()
        self.before_save: Callable[[], None] | None = None
        self.gate: asyncio.Event | None = None

    async def load(self, users: Sequence[int], keys: Sequence[tuple[int, bytes]]) -> Loaded:
        self.loads.append(list(users))
        await self._wait()
        if self.faults and self.faults[0] == "load":
            self.faults.popleft()
            raise Unavailable("load")
        return Loaded(
            {user: self.carts[user] for user in users if user in self.carts},
            {key: self.commands[key] for key in keys if key in self.commands},
        )

    async def save(self, saves: Sequence[CartSave]) -> frozenset[int]:
        self.saves.append([save.cart.user_id for save in saves])
        await self._wait()
        if self.before_save:
            self.before_save()
        fault = self.faults.popleft() if self.faults else ""
        if fault == "refuse":
            raise Unavailable("pool", unknown=False)
        saved = frozenset(s.cart.user_id for s in saves if self._save(s))
        if fault == "lose the answer":
            raise Unavailable("commit", unknown=True)
        return saved

    def _save(self, save: CartSave) -> bool:
        user = save.cart.user_id
        stored = self.carts.get(user)
        if (stored.version if stored else 0) != save.cart.version - 1:
            return False
        if any((user, done.key) in self.commands for done in save.commands):
            return False
        self.carts[user] = save.cart
        self.commands |= {(user, done.key): done for done in save.commands}
        return True

    async def place(self, requests: Sequence[PlaceOrder]) -> list[Placed | Refused]:
        raise NotImplementedError

    async def _wait(self) -> None:
        await asyncio.sleep(0)
        if self.gate is not None:
            await self.gate.wait()


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def call(user: int, request: CartCommand | ReadCart, key: str = "", deadline: float = FAR) -> Call:
    """Return a call; without a key, one of its own."""
    unique = key or f"key-{next(_keys)}"
    return Call(user, request, unique.encode(), repr(request).encode(), deadline)


_keys = iter(range(1_000_000))
