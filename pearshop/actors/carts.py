"""The way from an `Api` replica to the cart actors: placed, batched, retried, in time."""

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from pearshop.actors.batching import Batcher, detached
from pearshop.actors.messages import Answer, Call, Moved, ReadCart, Reply, late
from pearshop.actors.placement import host_of
from pearshop.db.order import PlaceOrder
from pearshop.db.placement import Placement
from pearshop.domain.cart import AddLine, AddLines, ChangeLine, RemoveLine
from pearshop.domain.order import OUT_OF_STOCK
from pearshop.errors import Refused, Unavailable
from pearshop.telemetry.counting import Distribution
from pearshop.telemetry.metrics import CART_COMMAND_SECONDS

BATCH = 512
TURNS = 12
"""Turns of the event loop from a readable socket to a command that waits here."""
PATIENCE_S = 0.05
"""How long a batch keeps the next one waiting: one cart whose order waits for a lock must not hold
up everyone else's."""
MAX_UNDER_WAY = 64
KINDS: dict[type, str] = {
    AddLine: "add",
    ChangeLine: "change",
    RemoveLine: "remove",
    AddLines: "merge",
    PlaceOrder: "order",
    ReadCart: "read",
}
"""What metrics call each kind of request."""
BACKOFF_S = (0.05, 0.1, 0.2, 0.4)
"""Waits before a call is sent again to a host that did not answer; the last one repeats."""


class Hosts(Protocol):
    """The cart hosts, wherever they run."""

    async def execute(self, actor: str, epoch: int, calls: Sequence[Call]) -> list[Reply]:
        """Have the process of this name carry out calls.

        Raises `Unavailable` when it does not answer.
        """

    async def is_ready(self, actor: str) -> bool:
        """Return whether the process of this name may answer for its carts now. Raises as above."""


class _Waiting:
    """A call on its way and the future of who waits for it."""

    __slots__ = ("call", "reply")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    def give_up(self) -> None:
        """Answer that the time is over."""
        if not self.reply.done():
            self.reply.set_result(late())


class Carts:
    """Sends calls to the host that carries the cart."""

    def __init__(
        self,
        hosts: Hosts,
        placement: Placement,
        look: Callable[[], Coroutine[Any, Any, None]],
        *,
        queue_limit: int = 4096,
        cart_limit: int = 64,
    ) -> None:
        """`look` asks where the carts are now, and calls `move`. It raises `Unavailable`.

        `cart_limit` bounds the calls of one cart that are under way from here at once: a shopper
        who sends more is refused before anyone else's call has to wait.
        """
        self._hosts = hosts
        self._placement = placement
        self._look = look
        self._looking: asyncio.Task[None] | None = None
        self._queue_limit = queue_limit
        self._cart_limit = cart_limit
        self._under_way: dict[tuple[int, bool], set[asyncio.Task[None]]] = {}
        self._batchers: dict[tuple[int, bool], Batcher[_Waiting]] = {}
        self._waiting: Counter[int] = Counter()
        self.counts: Counter[tuple[str, str]] = Counter()
        """What was asked, by kind and outcome."""
        self.refused: Counter[str] = Counter()
        """Orders that were refused, by the refusal's code."""
        self.lines_short = 0
        """Lines of refused orders of whose product there was not enough."""
        self.seconds = Distribution(CART_COMMAND_SECONDS)

    @property
    def placement(self) -> Placement:
        """The placement that calls go by."""
        return self._placement

    def move(self, placement: Placement) -> None:
        """Go by another placement from now on, unless it is older than the present one."""
        if placement.epoch >= self._placement.epoch:
            self._placement = placement

    async def host_is_ready(self, number: int) -> bool:
        """Return whether that host may answer for its carts now. Raises `Unavailable`."""
        return await self._hosts.is_ready(self._placement.actor(number))

    async def execute(self, call: Call) -> Answer:
        """Return the answer of the cart actor.

        Raises `Refused`, or `Unavailable` at the call's deadline at the latest. A host that does
        not answer, or does not carry the cart any more, is found anew and asked again with the
        same key until then, so nothing is done twice.
        """
        began = time.perf_counter()
        outcome = "unavailable"
        try:
            answer = await self._in_turn(call)
            outcome = "repeated" if getattr(answer, "repeated", False) else "done"
            return answer
        except Refused as error:
            outcome = "refused"
            if isinstance(call.request, PlaceOrder):
                self._count_refusal(error)
            raise
        finally:
            self.counts[KINDS[type(call.request)], outcome] += 1
            self.seconds.add(time.perf_counter() - began)

    async def _in_turn(self, call: Call) -> Answer:
        """Do what `execute` does for one of few calls of a cart."""
        if self._waiting[call.user_id] >= self._cart_limit:
            raise Unavailable("Too many requests wait for this cart.")
        self._waiting[call.user_id] += 1
        try:
            return await self._insist(call)
        finally:
            self._waiting[call.user_id] -= 1
            if not self._waiting[call.user_id]:
                del self._waiting[call.user_id]

    def _count_refusal(self, error: Refused) -> None:
        self.refused[error.code] += 1
        if error.code == OUT_OF_STOCK:
            self.lines_short += len(error.extra["lines"])

    async def _insist(self, call: Call) -> Answer:
        doubt = False
        for attempt in itertools.count():
            reply = await self._ask(call, doubt)
            if isinstance(reply, Refused):
                raise reply
            if not isinstance(reply, Unavailable | Moved):
                return reply
            doubt = doubt or reply.unknown
            if isinstance(reply, Moved):
                reply = Unavailable("The cart is moving to another host.", unknown=True)
            pause = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
            if not reply.unknown or time.time() + pause >= call.deadline:
                raise Unavailable(reply.detail, unknown=doubt, retry_after=reply.retry_after)
            await asyncio.sleep(pause)
            await self._find_anew()
        raise AssertionError("unreachable")

    async def _find_anew(self) -> None:
        """Look where the carts are now; once for all who ask meanwhile."""
        if self._looking is None:
            self._looking = detached(self._look())
            self._looking.add_done_callback(self._looked)
        with contextlib.suppress(Unavailable):
            await asyncio.shield(self._looking)

    def _looked(self, task: "asyncio.Task[None]") -> None:
        self._looking = None
        if not task.cancelled():
            task.exception()  # nobody may be left to hear it

    async def _ask(self, call: Call, doubt: bool) -> Reply:
        batcher = self._batcher(host_of(call.user_id, self._placement.hosts), call)
        if len(batcher) >= self._queue_limit:
            return Unavailable("The shop carries all the load that it can.", unknown=doubt)
        waiting = _Waiting(call)
        batcher.put(waiting)
        # A timer of one's own costs a third of `asyncio.timeout`, which can break off anything.
        left = call.deadline - time.time()
        timer = asyncio.get_running_loop().call_later(left, waiting.give_up)
        try:
            return await waiting.reply
        finally:
            timer.cancel()

    def _batcher(self, host: int, call: Call) -> Batcher[_Waiting]:
        """Return where the call queues; orders apart, for they take longer than the rest."""
        lane = host, isinstance(call.request, PlaceOrder)
        batcher = self._batchers.get(lane)
        if batcher is None:
            under_way = self._under_way[lane] = set()
            batcher = self._batchers[lane] = Batcher(
                lambda batch: self._send(host, under_way, batch), limit=BATCH, turns=TURNS
            )
        return batcher

    async def _send(
        self, host: int, under_way: set[asyncio.Task[None]], batch: list[_Waiting]
    ) -> None:
        """Let a batch travel; the next one waits for it, but not for its slowest cart."""
        task = detached(self._exchange(host, batch))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        patience = PATIENCE_S if len(under_way) < MAX_UNDER_WAY else None
        await asyncio.wait({task}, timeout=patience)

    async def _exchange(self, host: int, batch: list[_Waiting]) -> None:
        now = time.time()
        batch = [each for each in batch if not each.reply.done() and each.call.deadline > now]
        if not batch:
            return
        placement = self._placement
        calls = [each.call for each in batch]
        latest = max(call.deadline for call in calls)
        try:
            async with asyncio.timeout(latest - now):
                replies = await self._hosts.execute(placement.actor(host), placement.epoch, calls)
        except TimeoutError:
            return  # nobody waits any more
        except Unavailable as error:
            replies = [error] * len(batch)
        for each, reply in zip(batch, replies, strict=True):
            if not each.reply.done():
                each.reply.set_result(reply)
