"""The lease: for how long a host may answer from memory without asking the database.

A host holds a grant (`pearshop.db.placement`) and confirms it every `BEAT_S`. What it confirmed is
good for `LEASE_S` from the moment it asked; so whoever takes its carts over waits that long
before it stores anything, and no copy anywhere answers with less than was acknowledged. Source:
Gray and Cheriton, "Leases: An Efficient Fault-Tolerant Mechanism for Distributed File Cache
Consistency", 1989. Clocks need not agree; they need to run at about the same speed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from pearshop.actors.batching import detached
from pearshop.actors.messages import CartStore
from pearshop.actors.placement import host_of
from pearshop.db.placement import Grant

LEASE_S = 0.6
BEAT_S = 0.2


class Lease:
    """One host's right to its carts. All methods run on one event loop."""

    def __init__(
        self,
        store: CartStore,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._monotonic = monotonic
        self._sleep = sleep
        self._grant: Grant | None = None
        self._good_until = 0.0
        self._quiet_until = 0.0
        self._renewing: asyncio.Task[None] | None = None
        self.fence = 0
        """Grows when carts may have been elsewhere: copies from before are not to be trusted."""
        self.successor: Grant | None = None
        """Who holds the number now, if it was taken from this process."""

    @property
    def grant(self) -> Grant:
        """The grant to store under. Only after `ready`."""
        assert self._grant is not None
        return self._grant

    @property
    def is_good(self) -> bool:
        """Whether memory may answer at this moment."""
        return self._monotonic() < self._good_until

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to do for this process: no cart can be its own."""
        if self.successor is not None:
            return True
        return self._grant is not None and self._grant.number >= self._grant.hosts

    def owns(self, user_id: int) -> bool:
        """Return whether the cart of a user is this host's, as far as it knows."""
        grant = self._grant
        if grant is None or self.successor is not None:
            return False
        return host_of(user_id, grant.hosts) == grant.number

    async def ready(self, epoch: int) -> None:
        """Wait until carts may be served; ask first if a caller knows of a newer `epoch`.

        Raises `Unavailable`.
        """
        if self._grant is None or epoch > self._grant.epoch:
            await self.renew()
        await self.settled()

    async def settled(self) -> None:
        """Wait until whoever carried these carts before may answer reads no more."""
        while self.successor is None and (left := self._quiet_until - self._monotonic()) > 0:
            await self._sleep(left)

    async def renew(self) -> None:
        """Claim the number the first time, confirm it from then on. Raises `Unavailable`."""
        if self._renewing is None:
            self._renewing = detached(self._renew())
            self._renewing.add_done_callback(self._renewed)
        await asyncio.shield(self._renewing)

    def _renewed(self, task: "asyncio.Task[None]") -> None:
        self._renewing = None
        if not task.cancelled():
            task.exception()  # nobody may be left to hear it

    async def _renew(self) -> None:
        asked = self._monotonic()
        held = self._grant
        current = await (self._store.claim() if held is None else self._store.confirm())
        if held is not None and current.incarnation != held.incarnation:
            self.successor = current
            self._good_until = 0.0
            self.fence += 1
            return
        if held is None or current.epoch != held.epoch:
            # Whoever carried these carts until now may answer reads for one more lease.
            self._quiet_until = self._monotonic() + LEASE_S
            self.fence += 1
        self._grant = current
        self._good_until = asked + LEASE_S
