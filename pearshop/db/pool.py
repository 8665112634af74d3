"""The connections to one server, each with a thread that waits on it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from pearshop.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")


class Pool:
    """Calls functions in `size` threads; who waits longer than `patience` (s) for one is told so.

    It is as large as the pool of the engine that the functions use, so none waits in there.
    """

    def __init__(self, size: int, patience: float) -> None:
        self._threads = ThreadPoolExecutor(size, "database")
        self._free = asyncio.Semaphore(size)
        self._patience = patience

    @property
    def busy(self) -> bool:
        """Whether a call would have to wait."""
        return self._free.locked()

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the function returns. Raises `Unavailable` when all are busy."""
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            raise Unavailable("All database connections are busy.") from None
        work = asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: function(*args, **kwargs)
        )
        # Until the thread is done, whoever has stopped waiting for it.
        work.add_done_callback(lambda _: self._free.release())
        return await asyncio.shield(work)

    def close(self) -> None:
        """Let the threads end once they have nothing to do."""
        self._threads.shutdown(wait=False)
