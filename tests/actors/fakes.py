"""A cart store in memory that keeps the database's promises and can be made to fail."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from pearshop.actors.host import CartHost, HostLimits
from pearshop.actors.messages import Call, LineChanged, ReadCart, Reply
from pearshop.db.cart import CartSave, Done, Loaded
from pearshop.db.order import Placed, PlaceOrder
from pearshop.db.placement import Grant
from pearshop.domain.cart import AddLine, Cart, CartCommand, decide
from pearshop.domain.order import Order
from pearshop.errors import Conflict, Refused, Unavailable

FAR = 1e12
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = HostLimits(idle_seconds=60, hot_carts=100, mailbox=100)


class MemoryStore:
    """Conditional saves, known keys, counts of calls, and faults on demand."""

    def __init__(self) -> None:
        self.carts: dict[int, Cart] = {}
        self.commands: dict[tuple[int, bytes], Done] = {}
        self.loads: list[list[int]] = []
        self.saves: list[list[int]] = []
        self.faults: deque[str] = deque()
        self.incarnation = 0
        self.epoch = 1
        self.hosts = 1
        self.confirmations = 0
        self.before_save: Callable[[], None] | None = None
        self.gate: asyncio.Event | None = None

    async def claim(self) -> Grant:
        self.incarnation += 1
        return await self.confirm()

    async def confirm(self) -> Grant:
        self.confirmations += 1
        await self._wait()
        if self.faults and self.faults[0] == "confirm":
            self.faults.popleft()
            raise Unavailable("confirm")
        return Grant(0, self.incarnation, "host", self.epoch, self.hosts)

    def _granted(self, grant: Grant) -> bool:
        return (grant.incarnation, grant.epoch) == (self.incarnation, self.epoch)

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

    async def save(self, grant: Grant, saves: Sequence[CartSave]) -> frozenset[int]:
        self.saves.append([save.cart.user_id for save in saves])
        await self._wait()
        if self.before_save:
            self.before_save()
        fault = self.faults.popleft() if self.faults else ""
        if fault == "refuse":
            raise Unavailable("pool", unknown=False)
        stored = [s for s in saves if self._granted(grant) and self._save(s)]
        saved = frozenset(s.cart.user_id for s in stored)
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

    async def place(
        self, grant: Grant, requests: Sequence[PlaceOrder]
    ) -> list[Placed | Refused] | None:
        if not self._granted(grant):
            return None
        return [self._place(request) for request in requests]

    def _place(self, request: PlaceOrder) -> Placed | Refused:
        """Order lines at no price."""
        cart = self.carts.get(request.user_id)
        if cart is None:
            return Conflict("Nothing can be ordered here.")
        rest = cart.without(frozenset(request.numbers))
        self.carts[cart.user_id] = after = rest._replace(version=cart.version + 1)
        order = Order(1, cart.user_id, request.username, "", 0, (), NOW, NOW)
        return Placed(order, after, {})

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

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.now += seconds
        await asyncio.sleep(0)


def call(
    user: int, request: CartCommand | PlaceOrder | ReadCart, key: str = "", deadline: float = FAR
) -> Call:
    """Return a call; without a key, one of its own."""
    unique = key or f"key-{next(_keys)}"
    return Call(user, request, unique.encode(), repr(request).encode(), deadline)


_keys = iter(range(1_000_000))


def quantity(reply: Reply) -> int:
    assert isinstance(reply, LineChanged), reply
    assert reply.line is not None
    return reply.line.quantity


def change_behind_its_back(store: MemoryStore, user: int, product: int) -> None:
    """Save the cart as another host would."""
    cart = store.carts.get(user, Cart(user))
    after = decide(cart, AddLine(product, 7), 0).cart
    stored = Cart(user, cart.version + 1, after.next_number, after.lines)
    store._save(CartSave(stored, (Done(f"other-{cart.version}".encode(), b"", None),)))


async def confirmed(host: CartHost) -> CartHost:
    """Return the host once it has waited out its predecessor's lease, with a fresh one."""
    await host.lease.ready(0)
    await host.lease.renew()
    return host
