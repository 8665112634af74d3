"""A batcher: while a call is under way, what arrives gathers and goes as the next one."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Batcher(Generic[T]):
    """Hands items to `run` in order, in batches, with at most `width` batches under way.

    An item that finds the batcher idle goes at once: nothing waits on a timer. `run` must not
    raise; it answers its items itself.
    """

    def __init__(
        self, run: Callable[[list[T]], Awaitable[None]], *, limit: int, width: int = 1
    ) -> None:
        self._run = run
        self._limit = limit
        self._free = width
        self._waiting: deque[T] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: T) -> None:
        """Take an item. Never blocks; call it from the event loop's thread."""
        self._waiting.append(item)
        if self._free:
            self._free -= 1
            task = asyncio.get_running_loop().create_task(self._drain())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _drain(self) -> None:
        try:
            while self._waiting:
                count = min(self._limit, len(self._waiting))
                await self._run([self._waiting.popleft() for _ in range(count)])
        finally:
            self._free += 1
