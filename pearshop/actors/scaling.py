"""Cart hosts come and go with the load: what the pure decision in `domain/scaling.py` is told, and
what is done about it.

Every `Api` replica looks, for each greets every host anyway, and each comes to its own conclusion.
Who changes the number names the epoch that it saw, so of several exactly one does; the others see
another epoch then, and forget what they saw before it. There is no leader that could be missing.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from pearshop.db import placement as rows
from pearshop.db.execute import Database
from pearshop.db.placement import Placement
from pearshop.domain.scaling import Bounds, Observation, Reading, decide, need, remember

Readings = dict[str, Reading]


class ScalableHosts(Protocol):
    """The cart hosts, as far as their number is concerned."""

    async def read(self, actors: Sequence[str]) -> Readings:
        """Return what those tell of themselves who answer."""

    async def prepare(self, numbers: Sequence[int]) -> int:
        """Have processes for further host numbers; return how many, from the first, are ready."""


class Scaler:
    """One `Api` replica's part in it."""

    def __init__(
        self,
        hosts: ScalableHosts,
        database: Database,
        release: str,
        hot_limit: int,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hosts = hosts
        self._database = database
        self._release = release
        self._hot_limit = hot_limit
        self._monotonic = monotonic
        self._bounds = Bounds(1, 1)
        self._epoch = 0
        self._readings: Readings = {}
        self._seen: tuple[Observation, ...] = ()

    async def bound(self, bounds: Bounds) -> Placement:
        """Keep to other bounds from now on; return the placement, which keeps to them already.

        Raises `Unavailable`.
        """
        placement = await self._database.run(rows.bound_hosts, *bounds, self._release)
        self._bounds = bounds
        return placement

    async def look(self, placement: Placement) -> Placement | None:
        """Look at the hosts; return another placement if their number had to change.

        A replica of another release leaves that to those of the new one, and so does one that a
        deploy with other bounds has not reached yet. Raises `Unavailable`.
        """
        least, most = self._bounds
        if placement.release != self._release or not least <= placement.hosts <= most > least:
            return None
        await self._observe(placement)
        wanted = decide(placement.hosts, self._bounds, self._seen)
        if wanted > placement.hosts:
            # Carts move to processes that are there already: whoever asks for them waits for none
            # to start, and not for a node to come up.
            wanted = placement.hosts + await self._hosts.prepare(range(placement.hosts, wanted))
        if wanted == placement.hosts:
            return None
        return await self._database.run(rows.resize, placement.epoch, wanted)

    async def _observe(self, placement: Placement) -> None:
        if placement.epoch != self._epoch:
            self._epoch = placement.epoch
            self._seen = ()
        readings = await self._hosts.read(placement.actors)
        pairs = [(self._readings.get(each), readings.get(each)) for each in placement.actors]
        self._readings = readings
        now = Observation(self._monotonic(), need(pairs, self._hot_limit))
        self._seen = remember(self._seen, now)
