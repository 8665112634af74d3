"""The connections to one server, each with a thread that waits on it."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from pearshop.errors import Unavailable
from pearshop.telemetry.counting import Distribution
from pearshop.telemetry.metrics import POOL_WAIT_SECONDS

P = ParamSpec("P")
T = TypeVar("T")


class Pool:
    """Calls functions in `size` threads; who waits longer than `patience` (s) for one is told so.

    It is as large as the pool of the engine that the functions use, so none waits in there.
    """

    def __init__(self, size: int, patience: float, name: str) -> None:
        """`name` is what metrics call it; it counts how long calls wait."""
        self.size = size
        self.in_use = 0
        self.waits = Distribution(POOL_WAIT_SECONDS)
        self.name = name
        self._threads = ThreadPoolExecutor(size, "database")
        self._free = asyncio.Semaphore(size)
        self._patience = patience

    @property
    def busy(self) -> bool:
        """Whether a call would have to wait."""
        return self._free.locked()

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the function returns. Raises `Unavailable` when all are busy."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            raise Unavailable("All database connections are busy.") from None
        finally:
            self.waits.add(time.perf_counter() - began, self.name)
        self.in_use += 1
        work = asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: function(*args, **kwargs)
        )
        # Until the thread is done, whoever has stopped waiting for it.
        work.add_done_callback(self._done)
        return await asyncio.shield(work)

    def _done(self, _: "asyncio.Future[T]") -> None:
        self.in_use -= 1
        self._free.release()

    def close(self) -> None:
        """Let the threads end once they have nothing to do."""
        self._threads.shutdown(wait=False)
