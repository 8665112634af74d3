"""Counts of requests in windows of time, in this replica and, roughly, in all of them.

A window begins at the same moment in every replica, at another for each key, so that those who
were refused do not all come back at once.

`hit` waits for nobody: a replica counts for itself, and tells Redis in the background whenever it
has a fiftieth of the limit to tell, by which it also learns what the others told. So each replica
may let through a fiftieth more than the limit. `hit_shared` asks Redis each time.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

from pearshop.actors.batching import Batcher
from pearshop.http.limiting.rates import Rate, Standing
from pearshop.http.limiting.shared import Shared

TOLD_AT = 50
"""Into how many parts a limit is divided for telling."""
MOST = 50_000
"""Keys that are counted at a time. The oldest window goes first; it would have ended first."""


@dataclass(slots=True)
class Window:
    """One key's requests until `ends_at` (s since 1970)."""

    name: str
    ends_at: float
    shared: int = 0
    """What Redis last said."""
    on_way: int = 0
    """What Redis is being told."""
    untold: int = 0

    @property
    def used(self) -> int:
        """Return all requests that are known of."""
        return self.shared + self.on_way + self.untold


class Counts:
    """Counts by key under one rate. Call it from one event loop."""

    def __init__(
        self,
        rate: Rate,
        shared: Shared,
        clock: Callable[[], float] = time.time,
        most: int = MOST,
    ) -> None:
        self.rate = rate
        self._shared = shared
        self._clock = clock
        self._most = most
        self._step = max(1, rate.amount // TOLD_AT)
        self._windows: dict[str, Window] = {}
        self._telling: Batcher[Window] = Batcher(self._tell_all, limit=100)

    def __len__(self) -> int:
        return len(self._windows)

    def hit(self, key: str) -> Standing:
        """Count a request at once, unless it is too much. Redis is told later."""
        now = self._clock()
        window = self._window(key, now)
        left = self.rate.amount - window.used - 1
        if left >= 0:
            window.untold += 1
            if window.untold >= self._step and not window.on_way and self._shared.is_there:
                self._take(window)
                self._telling.put(window)
        return Standing(self.rate, left if left >= 0 else -1, _seconds(window.ends_at - now))

    async def hit_shared(self, key: str) -> Standing:
        """Count a request in Redis, unless it is too much; here alone while Redis is away."""
        now = self._clock()
        window = self._window(key, now)
        left = -1
        if window.used < self.rate.amount:
            left = max(-1, self.rate.amount - await self._add(window))
        return Standing(self.rate, left, _seconds(window.ends_at - now))

    async def look(self, key: str) -> Standing:
        """Return how a key stands now, without counting; Redis is asked unless it is used up."""
        now = self._clock()
        window = self._window(key, now)
        if window.used < self.rate.amount:
            window.shared = max(window.shared, await self._shared.get(window.name) or 0)
        left = max(0, self.rate.amount - window.used)
        return Standing(self.rate, left, _seconds(window.ends_at - now))

    async def add(self, key: str) -> None:
        """Count one in Redis, whatever the limit."""
        await self._add(self._window(key, self._clock()))

    def _window(self, key: str, now: float) -> Window:
        window = self._windows.get(key)
        if window is not None and window.ends_at > now:
            return window
        self._windows.pop(key, None)  # so that the order is that of age
        if len(self._windows) >= self._most:
            del self._windows[next(iter(self._windows))]
        seconds = self.rate.seconds
        phase = crc32(key.encode()) % seconds
        number = int((now + phase) // seconds)
        name = self._shared.name(self.rate.name, seconds, number, key)
        window = self._windows[key] = Window(name, (number + 1) * seconds - phase)
        return window

    async def _add(self, window: Window) -> int:
        """Return which one this is in its window, whatever came while Redis was asked."""
        window.untold += 1
        number = window.used
        return max(number, await self._tell(window, self._take(window)) or 0)

    def _take(self, window: Window) -> int:
        count, window.untold = window.untold, 0
        window.on_way += count
        return count

    async def _tell_all(self, windows: list[Window]) -> None:
        for window in windows:
            await self._tell(window, window.on_way)

    async def _tell(self, window: Window, count: int) -> int | None:
        try:
            total = await self._shared.add(window.name, count, self.rate.seconds)
        except BaseException:  # the request was given up; whatever Redis did, it counts here
            self._keep(window, count)
            raise
        if total is None:
            self._keep(window, count)
        else:
            window.on_way -= count
            window.shared = max(window.shared, total)
        return total

    def _keep(self, window: Window, count: int) -> None:
        window.on_way -= count
        window.untold += count


def _seconds(left: float) -> int:
    return max(1, math.ceil(left))
