"""Let the requests that are under way be answered before the shop stops."""

import contextlib
import csv
import os
import signal
import socket
import time
from pathlib import Path

from pearshop.launcher.haproxy import CURRENT

DRAIN_S = 6.0
"""A little longer than a request's deadline."""
STEP_S = 0.05


def drain(folder: Path) -> None:
    """Have the HAProxies below `folder` take no more connections, and wait for their requests.

    Returns after `DRAIN_S` at the latest.
    """
    found = {}
    for file in folder.glob(f"*/{CURRENT}"):
        with contextlib.suppress(OSError, ValueError):
            found[file.parent / "admin"] = int(file.read_text())
        file.unlink()  # so that its guard holds the port no longer
    for pid in found.values():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGUSR1)
    deadline = time.monotonic() + DRAIN_S
    while any(_under_way(admin) for admin in found) and time.monotonic() < deadline:
        time.sleep(STEP_S)


def _under_way(admin: Path) -> int:
    """Return how many requests an HAProxy works on; none when it does not answer."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            connection.connect(str(admin))
            connection.sendall(b"show stat -1 2 -1\n")  # of all proxies, the backends
            with connection.makefile() as answer:
                rows = csv.DictReader(answer)
                return sum(int(row["scur"] or 0) for row in rows if row.get("svname") == "BACKEND")
    except OSError:
        return 0
