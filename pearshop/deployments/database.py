"""The one place that opens database connections."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ray import serve

from pearshop.db.engine import make_engine
from pearshop.db.execute import Outcome, execute
from pearshop.errors import Unavailable
from pearshop.settings import settings


@serve.deployment
class Database:
    """Runs operations of `pearshop.db` in threads, one connection each, none beyond the pool."""

    def __init__(self) -> None:
        configured = settings()
        self._engine = make_engine(configured)
        self._threads = ThreadPoolExecutor(configured.database_pool_size, "database")
        self._free = asyncio.Semaphore(configured.database_pool_size)
        self._patience = configured.database_pool_timeout

    async def run(
        self, operation: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Outcome:
        """Run an operation in a transaction of its own, see `pearshop.db.execute`.

        Who waits longer than the pool time-out for a free connection is told so.
        """
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            return Outcome(error=Unavailable("All database connections are busy."))
        work = asyncio.get_running_loop().run_in_executor(
            self._threads, execute, self._engine, operation, args, kwargs
        )
        # Until the thread is done, whoever has stopped waiting for it.
        work.add_done_callback(lambda _: self._free.release())
        return await asyncio.shield(work)
