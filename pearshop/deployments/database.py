"""The one place that opens database connections."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ray import serve

from pearshop.db.engine import make_engine
from pearshop.db.execute import Outcome, execute
from pearshop.settings import settings


@serve.deployment
class Database:
    """Runs operations of `pearshop.db` in threads, one connection each, none beyond the pool."""

    def __init__(self) -> None:
        configured = settings()
        self._engine = make_engine(configured)
        self._threads = ThreadPoolExecutor(configured.database_pool_size, "database")

    async def run(
        self, operation: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Outcome:
        """Run an operation in a transaction of its own, see `pearshop.db.execute`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, execute, self._engine, operation, args, kwargs
        )
