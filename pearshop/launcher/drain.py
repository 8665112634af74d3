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
PROMPT = b"\n> "


def drain(folder: Path) -> None:
    """Have the HAProxies below `folder` take no more connections, and wait for their requests.

    Returns after `DRAIN_S` at the latest.
    """
    with contextlib.ExitStack() as open_ones:
        asked = []
        for node in [file.parent for file in folder.glob(f"*/{CURRENT}")]:
            with contextlib.suppress(OSError):
                asked.append(open_ones.enter_context(_Admin(node / "admin")))
            pids = list(left_behind(node))
            (node / CURRENT).unlink(missing_ok=True)  # so that its guard holds the port no longer
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGUSR1)
        deadline = time.monotonic() + DRAIN_S
        while any(each.under_way() for each in asked) and time.monotonic() < deadline:
            time.sleep(STEP_S)


class _Admin:
    """A conversation with a HAProxy; opened before it stops, for it takes no new ones then."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(1.0)
        self._path = str(path)

    def __enter__(self) -> "_Admin":
        try:
            self._socket.connect(self._path)
            self._ask(b"prompt")
        except OSError:
            self._socket.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def under_way(self) -> int:
        """Return how many requests it works on; none once it has ended."""
        try:
            lines = self._ask(b"show sess").splitlines()
        except OSError:
            return 0
        return sum(b" fe=" in line and b" fe=GLOBAL " not in line for line in lines)

    def _ask(self, command: bytes) -> bytes:
        """Return what it says up to its next prompt."""
        self._socket.sendall(command + b"\n")
        answer = b""
        while not answer.endswith(PROMPT):
            part = self._socket.recv(65536)
            if not part:
                raise ConnectionResetError
            answer += part
        return answer
