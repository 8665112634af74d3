"""The way from an `Api` replica to the cart actors: placed, batched, retried, in time."""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

from pearshop.actors.batching import Batcher, detached
from pearshop.actors.messages import Answer, Call, Reply
from pearshop.actors.placement import host_of
from pearshop.db.order import PlaceOrder
from pearshop.db.placement import Placement
from pearshop.errors import Refused, Unavailable

BATCH = 512
TURNS = 12
"""Turns of the event loop from a readable socket to a command that waits here."""
PATIENCE_S = 0.05
"""How long a batch keeps the next one waiting: one cart whose order waits for a lock must not hold
up everyone else's."""
MAX_UNDER_WAY = 64
BACKOFF_S = (0.05, 0.1, 0.2, 0.4)
"""Waits before a call is sent again to a host that did not answer; the last one repeats."""


class Hosts(Protocol):
    """The cart hosts, wherever they run."""

    async def execute(self, host: int, epoch: int, calls: Sequence[Call]) -> list[Reply]:
        """Have one host carry out calls. Raises `Unavailable` when it does not answer."""


class _Waiting:
    """A call on its way and the future of who waits for it."""

    __slots__ = ("call", "reply")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()


class Carts:
    """Sends calls to the host that carries the cart."""

    def __init__(self, hosts: Hosts, placement: Placement, *, queue_limit: int = 4096) -> None:
        self._hosts = hosts
        self._placement = placement
        self._queue_limit = queue_limit
        self._under_way: set[asyncio.Task[None]] = set()
        self._batchers: dict[tuple[int, bool], Batcher[_Waiting]] = {}

    @property
    def placement(self) -> Placement:
        """The placement that calls go by."""
        return self._placement

    def move(self, placement: Placement) -> None:
        """Go by another placement from now on, unless it is older than the present one."""
        if placement.epoch >= self._placement.epoch:
            self._placement = placement

    async def execute(self, call: Call) -> Answer:
        """Return the answer of the cart actor.

        Raises `Refused`, or `Unavailable` at the call's deadline at the latest. A host that does
        not answer is asked again with the same key until then, so nothing is done twice.
        """
        attempt = 0
        doubt = False
        while True:
            reply = await self._ask(call, doubt)
            if not isinstance(reply, Unavailable):
                if isinstance(reply, Refused):
                    raise reply
                return reply
            doubt = doubt or reply.unknown
            pause = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
            if not reply.unknown or time.time() + pause >= call.deadline:
                raise Unavailable(reply.detail, unknown=doubt, retry_after=reply.retry_after)
            await asyncio.sleep(pause)
            attempt += 1

    async def _ask(self, call: Call, doubt: bool) -> Reply:
        batcher = self._batcher(host_of(call.user_id, self._placement.hosts), call)
        if len(batcher) >= self._queue_limit:
            return Unavailable("The shop carries all the load that it can.", unknown=doubt)
        waiting = _Waiting(call)
        batcher.put(waiting)
        try:
            async with asyncio.timeout(call.deadline - time.time()):
                return await waiting.reply
        except TimeoutError:
            return Unavailable("The cart did not answer in time.", unknown=True)

    def _batcher(self, host: int, call: Call) -> Batcher[_Waiting]:
        """Return where the call queues; orders apart, for they take longer than the rest."""
        lane = host, isinstance(call.request, PlaceOrder)
        batcher = self._batchers.get(lane)
        if batcher is None:
            batcher = self._batchers[lane] = Batcher(
                lambda batch: self._send(host, batch), limit=BATCH, turns=TURNS
            )
        return batcher

    async def _send(self, host: int, batch: list[_Waiting]) -> None:
        """Let a batch travel; the next one waits for it, but not for its slowest cart."""
        task = detached(self._exchange(host, batch))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        patience = PATIENCE_S if len(self._under_way) < MAX_UNDER_WAY else None
        await asyncio.wait({task}, timeout=patience)

    async def _exchange(self, host: int, batch: list[_Waiting]) -> None:
        now = time.time()
        batch = [each for each in batch if not each.reply.done() and each.call.deadline > now]
        if not batch:
            return
        try:
            replies = await self._hosts.execute(
                host, self._placement.epoch, [each.call for each in batch]
            )
        except Unavailable as error:
            replies = [error] * len(batch)
        for each, reply in zip(batch, replies, strict=True):
            if not each.reply.done():
                each.reply.set_result(reply)
