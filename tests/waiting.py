"""Waiting for conditions, not for seconds."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

PATIENCE_S = 120.0
STEP_S = 0.1


def wait_for(condition: Callable[[], object], what: str, timeout: float = PATIENCE_S) -> None:
    """Wait until `condition` holds. Raises `TimeoutError` that names `what` was waited for."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not there after {timeout:.0f} s")
        time.sleep(STEP_S)


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something is so. Raises `TimeoutError`."""
    async with asyncio.timeout(PATIENCE_S):
        while not await is_so():
            await asyncio.sleep(0.01)


@contextmanager
def stopped(pid: int | None) -> Iterator[None]:
    """Let a process hang meanwhile."""
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
