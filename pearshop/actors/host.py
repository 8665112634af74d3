"""The cart host: carries many cart actors and commits their work in groups.

Plain asyncio; `pearshop.actors.ray_host` alone turns it into a Ray actor.

Three lanes run side by side, each one batch at a time: carts to load, carts to save, orders to
place. What arrives while a lane's transaction is under way goes into its next one, so the number
of commits follows the database's speed and not the number of shoppers. A cart stands in one lane
at most, which is what makes its commands run one at a time.

A copy answers reads only while the host's lease is good; without it, they ask the database.
Writes need no such care: the database stores nothing that does not follow the stored version, and
nothing under a grant that is over. What is not this host's cart it does not touch: who asks for it
is told that it moved.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

from pearshop.actors.batching import Batcher
from pearshop.actors.cart import CartActor, Pending, Turn
from pearshop.actors.lease import BEAT_S, Lease
from pearshop.actors.messages import Call, CartStore, OrderPlaced, ReadCart, Reply, late
from pearshop.db.order import Placed, PlaceOrder
from pearshop.domain.cart import Cart
from pearshop.errors import Refused, Unavailable
from pearshop.telemetry.counting import Distribution
from pearshop.telemetry.logs import LINES_OF_REQUESTS
from pearshop.telemetry.metrics import CART_BATCH_SIZE
from pearshop.telemetry.origins import Origin
from pearshop.telemetry.work import Work

logger = logging.getLogger(__name__)
Lane = Batcher[CartActor]

LOADS = 256
SAVES = 256
ORDERS = 64
"""Carts in one transaction of each lane, at most."""


@dataclass(frozen=True, slots=True)
class HostLimits:
    """Bounds of one host."""

    idle_seconds: float
    hot_carts: int
    mailbox: int


@dataclass(slots=True)
class HostStats:
    """Counts since the host started, and sizes as they are.

    `calls` from `Api` replicas, each with one or many commands; `waiting` are the commands that
    are not answered yet; `saves` are statements.
    """

    hot: int = 0
    calls: int = 0
    waiting: int = 0
    activations: int = 0
    passivations: int = 0
    saves: int = 0
    commands: int = 0
    fenced: int = 0
    orders: int = 0


class CartHost:
    """Carries cart actors. All methods run on one event loop."""

    def __init__(
        self,
        store: CartStore,
        limits: HostLimits,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._limits = limits
        self._wall = wall
        self._monotonic = monotonic
        self._carts: dict[int, CartActor] = {}
        self._stats = HostStats()
        self.passivated: Counter[str] = Counter()
        """Carts let go, by reason."""
        self.batches = Distribution(CART_BATCH_SIZE)
        self.under_way = 0
        """Commands that came and are not answered."""
        self.lease = Lease(store, monotonic=monotonic, sleep=sleep)
        self._loads = self._lane(self._load, LOADS)
        self._saves = self._lane(self._save, SAVES)
        self._orders = self._lane(self._place, ORDERS)

    async def execute(self, epoch: int, calls: Sequence[Call]) -> list[Reply]:
        """Carry out calls, those to one cart in the order given; answer all, in order.

        `epoch` is the caller's placement. Refusals and failures are answers, nothing is raised.
        """
        self._stats.calls += 1
        self.under_way += len(calls)
        try:
            await self.lease.ready(epoch)
            replies = [self._receive(call) for call in calls]
            latest = max((call.deadline for call in calls), default=0.0)
            await asyncio.wait(replies, timeout=max(0.0, latest - self._wall()))
            return [r.result() if r.done() else late() for r in replies]
        except Unavailable as error:
            return [Unavailable(error.detail)] * len(calls)
        finally:
            self.under_way -= len(calls)

    async def live(self) -> None:
        """Renew the lease and let idle carts go, until cancelled."""
        fence = self.lease.fence
        while True:
            with contextlib.suppress(Unavailable):
                await self.lease.renew()
            if self.lease.fence != fence:
                fence = self.lease.fence
                gone = [user_id for user_id in self._carts if not self.lease.owns(user_id)]
                self.passivated["moved"] += self._drop(gone)
            self.passivate()
            await asyncio.sleep(BEAT_S)

    def passivate(self) -> None:
        """Let go of carts idle too long, and of the longest unused beyond the hot limit."""
        oldest = self._monotonic() - self._limits.idle_seconds
        surplus = len(self._carts) - self._limits.hot_carts
        idle: list[int] = []
        beyond: list[int] = []
        for user_id, actor in self._carts.items():  # least recently used first
            if actor.used_at <= oldest:
                idle.append(user_id)
            elif len(idle) + len(beyond) < surplus:
                beyond.append(user_id)
            else:
                break
        self.passivated["idle"] += self._drop(idle)
        self.passivated["full"] += self._drop(beyond)

    def _drop(self, users: Sequence[int]) -> int:
        """Forget those of the carts that nobody waits for; return how many."""
        idle = [u for u in users if not self._carts[u].busy and not self._carts[u].waiting]
        for user_id in idle:
            del self._carts[user_id]
        return len(idle)

    @property
    def hot(self) -> int:
        """How many carts are in memory."""
        return len(self._carts)

    @property
    def counts(self) -> HostStats:
        """Counts as they are; the sizes among them are as of the last `stats`."""
        return self._stats

    def stats(self) -> dict[str, int]:
        """Return counts and sizes, see `HostStats`."""
        self._stats.hot = self.hot
        self._stats.passivations = self.passivated.total()
        self._stats.waiting = self.under_way
        return asdict(self._stats)

    def _lane(self, run: Callable[[list[CartActor]], Awaitable[None]], limit: int) -> Lane:
        async def guarded(actors: list[CartActor]) -> None:
            try:
                await self.lease.settled()  # or somebody's older copy might still be read
                await run(actors)
            except Exception:
                known = _origins(pending for actor in actors for pending in actor.in_hand)
                ids = [each for each, _ in known or _waiting_for(actors)]
                told = LINES_OF_REQUESTS.members(request_ids=ids)
                logger.exception("A cart host's lane failed; its carts start afresh.", extra=told)
                for actor in actors:
                    actor.fail_all("The cart met an unexpected fault.")
                    actor.busy = False

        return Batcher(guarded, limit=limit)

    def _receive(self, call: Call) -> "asyncio.Future[Reply]":
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        actor = self._carts.pop(call.user_id, None) or CartActor(call.user_id)
        self._carts[call.user_id] = actor
        actor.used_at = self._monotonic()
        if len(actor.waiting or ()) >= self._limits.mailbox:
            reply.set_result(Unavailable("Too many requests wait for this cart."))
        else:
            actor.receive(Pending(call, reply))
            self._advance(actor)
        return reply

    def _advance(self, actor: CartActor) -> None:
        """Answer what can be answered; if more waits, put the cart into the lane it needs."""
        if actor.busy:
            return
        if not self.lease.owns(actor.user_id):
            actor.send_away()
            return
        known = actor.cart is not None and actor.fence == self.lease.fence and not actor.unsure
        if known and self.lease.is_good:
            actor.answer_reads()
        head = actor.head
        if head is None:
            return
        actor.busy = True
        if isinstance(head.call.request, PlaceOrder):
            self._orders.put(actor)  # it is decided on what is stored, and brings that along
        elif not known or isinstance(head.call.request, ReadCart):
            self._loads.put(actor)
        else:
            self._saves.put(actor)

    def _release(self, actor: CartActor) -> None:
        actor.busy = False
        actor.in_hand = []
        self._advance(actor)

    def _only(
        self, actors: list[CartActor], may_go_on: Callable[[CartActor], bool]
    ) -> list[CartActor]:
        """Return those that may go on; the rest start anew.

        A cart may have moved while it stood in a lane, and the grant with it.
        """
        staying = []
        for actor in actors:
            if may_go_on(actor):
                staying.append(actor)
            else:
                self._release(actor)
        return staying

    async def _load(self, actors: list[CartActor]) -> None:
        fence = self.lease.fence
        for actor in actors:
            for pending in actor.waiting or ():
                pending.early = True
        keys = [(actor.user_id, key) for actor in actors for key in actor.command_keys()]
        try:
            with Work("host.load", _waiting_for(actors)):
                loaded = await self._store.load([actor.user_id for actor in actors], keys)
        except Unavailable as error:
            for actor in actors:
                actor.fail_all(error.detail)
                self._release(actor)
            return
        asked = set(keys)
        for actor in actors:
            self._stats.activations += actor.cart is None
            actor.cart = loaded.carts.get(actor.user_id) or Cart(actor.user_id)
            actor.fence = fence
            actor.answer_known(loaded.commands, asked)
            # What the database holds answers all who asked before it was asked.
            actor.answer_reads(early_only=not self.lease.is_good)
            self._release(actor)

    async def _save(self, actors: list[CartActor]) -> None:
        fence = self.lease.fence
        actors = self._only(actors, lambda actor: actor.fence == fence)
        wall = self._wall()
        turns = [(actor, actor.take_turn(int(wall * 1e6), wall)) for actor in actors]
        saves = [turn.save for _, turn in turns if turn.done]
        saved: frozenset[int] = frozenset()
        failed: Unavailable | None = None
        if saves:
            pendings = [pending for _, turn in turns for pending in turn.taken]
            self.batches.add(len(pendings))
            try:
                with Work("host.save", _origins(pendings)):
                    saved = await self._store.save(self.lease.grant, saves)
            except Unavailable as error:
                failed = error
            self._stats.saves += 1
        fenced: list[tuple[CartActor, Turn]] = []
        for actor, turn in turns:
            if turn.done and actor.user_id not in saved:
                fenced.append((actor, turn))
            else:
                self._settle(actor, turn, fence)
                self._release(actor)
        if fenced and failed is None:
            self._stats.fenced += len(fenced)
            await self._ask_for_successor()
        for actor, turn in fenced:
            # Without a fault: stale, or carried out before. A reload will tell.
            actor.put_back(turn.taken, doubt=failed is None or failed.unknown)
            self._release(actor)

    async def _ask_for_successor(self) -> None:
        """Something was not stored, and no fault: the grant may be over."""
        with contextlib.suppress(Unavailable):
            await self.lease.renew()

    def _settle(self, actor: CartActor, turn: Turn, fence: int) -> None:
        """The turn is durable (or changed nothing): make it the copy and answer."""
        if turn.done:
            actor.cart = turn.save.cart
            actor.fence = fence
            actor.uncheck()
        self._stats.commands += len(turn.taken)
        for pending, reply in zip(turn.taken, turn.replies, strict=True):
            pending.answer(reply)

    def _pop_order(self, actor: CartActor) -> Pending | None:
        """Return the order whose turn it is, unless nobody waits for it any more."""
        pending = actor.pop()
        actor.in_hand = [pending]
        if pending.call.deadline > self._wall():
            return pending
        pending.fail("It took too long: the shop is busy.")
        self._release(actor)
        return None

    async def _place(self, actors: list[CartActor]) -> None:
        fence = self.lease.fence
        actors = self._only(actors, lambda actor: self.lease.owns(actor.user_id))
        turns = [(actor, pending) for actor in actors if (pending := self._pop_order(actor))]
        if not turns:
            return
        requests = [pending.call.request for _, pending in turns]
        orders = [r for r in requests if isinstance(r, PlaceOrder)]
        results: list[Placed | Refused] | None = None
        doubt = False
        try:
            with Work("host.place", _origins(pending for _, pending in turns)):
                results = await self._store.place(self.lease.grant, orders)
            if results is None:
                self._stats.fenced += len(turns)
                await self._ask_for_successor()
        except Unavailable as error:
            doubt = error.unknown
        if results is None:
            for actor, pending in turns:
                actor.put_back([pending], doubt=doubt)
                self._release(actor)
            return
        for (actor, pending), result in zip(turns, results, strict=True):
            if isinstance(result, Refused):
                pending.answer(result)
            else:
                self._stats.activations += actor.cart is None
                actor.cart = result.cart
                actor.fence = fence
                self._stats.orders += not result.repeated
                pending.answer(OrderPlaced(result.order, result.left, result.repeated))
            self._release(actor)


def _origins(pendings: Iterable[Pending]) -> list[Origin]:
    return [origin for pending in pendings for origin in pending.call.origins]


def _waiting_for(actors: list[CartActor]) -> list[Origin]:
    return _origins(pending for actor in actors for pending in actor.waiting or ())
