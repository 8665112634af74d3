"""A batcher: while a call is under way, what arrives gathers and goes as the next one."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from typing import Any, Generic, TypeVar

logger = logging.getLogger(__name__)
T = TypeVar("T")


def detached(work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Start work that many wait for, in no one's context.

    Serve cancels the calls that a request has made when its client goes away, and finds them by
    the context: work started in the first comer's context would be taken from all the others.
    """
    return asyncio.get_running_loop().create_task(work, context=Context())


class Batcher(Generic[T]):
    """Hands items to `run` in order, in batches, with at most `width` batches under way.

    An item that finds the batcher idle goes at once: nothing waits on a timer. With `turns`, a
    batch lets the event loop go round that often before it leaves, so that requests which have
    arrived already can join; on an idle loop that takes microseconds. `run` must not raise; it
    answers its items itself.
    """

    def __init__(
        self,
        run: Callable[[list[T]], Awaitable[None]],
        *,
        limit: int,
        width: int = 1,
        turns: int = 0,
    ) -> None:
        self._run = run
        self._limit = limit
        self._free = width
        self._turns = turns
        self._waiting: deque[T] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: T) -> None:
        """Take an item. Never blocks; call it from the event loop's thread."""
        self._waiting.append(item)
        if self._free:
            self._free -= 1
            task = detached(self._drain())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _drain(self) -> None:
        try:
            while self._waiting:
                for _ in range(self._turns):
                    await asyncio.sleep(0)
                count = min(self._limit, len(self._waiting))
                try:
                    await self._run([self._waiting.popleft() for _ in range(count)])
                except Exception:
                    logger.exception("A batch failed without answering its items.")
        finally:
            self._free += 1
