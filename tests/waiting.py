"""Waiting for conditions, not for seconds."""

import time
from collections.abc import Callable

PATIENCE_S = 120.0
STEP_S = 0.1


def wait_for(condition: Callable[[], object], what: str, timeout: float = PATIENCE_S) -> None:
    """Wait until `condition` holds. Raises `TimeoutError` that names `what` was waited for."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not there after {timeout:.0f} s")
        time.sleep(STEP_S)
