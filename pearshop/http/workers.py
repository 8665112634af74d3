"""What blocks is done in threads, off the event loop, and never more at once than stated."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pearshop.errors import Unavailable

R = TypeVar("R")


class Workers:
    """Works in `threads` threads; up to `waiting` more calls wait for one to be free.

    `busy` says to whoever comes then what there is too much of.
    """

    def __init__(
        self, name: str, threads: int, waiting: int, busy: str, retry_after: int = 1
    ) -> None:
        self._pool = ThreadPoolExecutor(threads, name)
        self._limit = threads + waiting
        self._busy = busy
        self._retry_after = retry_after
        self._under_way = 0

    async def run(self, work: Callable[..., R], *args: object) -> R:
        """Return what `work(*args)` does, or raise it. Raises `Unavailable` when swamped."""
        if self._under_way >= self._limit:
            raise Unavailable(self._busy, retry_after=self._retry_after)
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)
        finally:
            self._under_way -= 1
