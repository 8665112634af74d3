"""Deletes what has had its time, now and then, in pieces that nobody notices."""

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from pearshop.db import retention
from pearshop.db.execute import Database
from pearshop.errors import Unavailable

logger = logging.getLogger(__name__)

FIRST_S = 600.0
PERIOD_S = 3600.0


class Sweeper:
    """Sweeps about every hour; of several in a cluster, one at a time has the work.

    Between two batches it rests for as long as the batch took, and up to as long again: it takes
    half of one connection at most, however slow the database is.
    """

    def __init__(
        self,
        database: Database,
        *,
        keys: timedelta,
        events: timedelta,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._kinds: tuple[tuple[Callable[..., retention.Step], tuple[Any, ...]], ...] = (
            (retention.sweep_sessions, ()),
            (retention.sweep_keys, (keys,)),
            (retention.sweep_events, (events,)),
        )
        self._chance = chance
        self._stopping = asyncio.Event()
        self.counts: Counter[str] = Counter()
        """Rows deleted since the start, by kind."""

    async def run(self) -> None:
        """Sweep until `stop`. The first time soon, but not with all others that start now."""
        await self._rest(FIRST_S * self._chance())
        while not self._stopping.is_set():
            try:
                await self.sweep()
            except Unavailable as error:
                logger.warning("What has had its time is deleted later: %s", error)
            except Exception:
                logger.exception("What has had its time could not be deleted.")
            await self._rest(PERIOD_S * (0.5 + self._chance()))

    def stop(self) -> None:
        """Let `run` come to its end, after the batch that is under way."""
        self._stopping.set()

    async def sweep(self) -> None:
        """Delete all that has had its time. Raises `Unavailable`."""
        for operation, arguments in self._kinds:
            after: int | None = 0
            while after is not None and not self._stopping.is_set():
                began = time.monotonic()
                step = await self._database.run(operation, after, *arguments)
                self.counts.update(step.deleted)
                after = step.more
                await self._rest((time.monotonic() - began) * (1 + self._chance()))

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
