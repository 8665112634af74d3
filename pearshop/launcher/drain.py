"""Let the requests that are under way be answered before the shop stops."""

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

from pearshop.launcher.haproxy import CURRENT, left_behind

DRAIN_S = 6.0
"""A little longer than a request's deadline."""
STEP_S = 0.05


def drain(folder: Path) -> None:
    """Have the HAProxies below `folder` take no more connections, and wait for their requests.

    Returns after `DRAIN_S` at the latest.
    """
    nodes = [file.parent for file in folder.glob(f"*/{CURRENT}")]
    for node in nodes:
        pids = list(left_behind(node))
        (node / CURRENT).unlink(missing_ok=True)  # so that its guard holds the port no longer
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGUSR1)
    deadline = time.monotonic() + DRAIN_S
    while any(_under_way(node / "admin") for node in nodes) and time.monotonic() < deadline:
        time.sleep(STEP_S)


def _under_way(admin: Path) -> int:
    """Return how many requests an HAProxy works on; none when it does not answer."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(admin))
            connection.sendall(b"show sess\n")
            with connection.makefile() as answer:  # a line for each; this question is one itself
                return sum(" fe=" in line and " fe=GLOBAL " not in line for line in answer)
    except OSError:
        return 0
