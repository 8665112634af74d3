"""`pearshop up --detach`: the same shop, in the background."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TextIO

from pearshop.launcher.shop import READY
from pearshop.launcher.state import StateFolder

ERROR = "Error: "
"""What the command starts its one line on failure with."""


def detach(folder: StateFolder, arguments: list[str], say: Callable[[str, bool], None]) -> int:
    """Run `pearshop up` with `arguments` in the background; return its exit status, 0 when ready.

    `say(line, is_error)` gets its lines as they come. They stay in the folder's `up.log`. Raises
    `ConfigurationError` when the folder is in use.
    """
    with folder.lock():
        pass  # The log of a shop that is up is not to be replaced.
    folder.log.unlink(missing_ok=True)
    folder.log.touch(mode=0o600)  # It shows the staff password.
    with folder.log.open("a") as log:
        process = subprocess.Popen(  # noqa: S603 - this same command, no shell
            [sys.executable, "-m", "pearshop.cli", "up", *arguments],
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        with folder.log.open() as lines:
            return _follow(process, lines, say)
    except KeyboardInterrupt:
        process.terminate()
        return process.wait() or 1


def _follow(
    process: "subprocess.Popen[bytes]", lines: TextIO, say: Callable[[str, bool], None]
) -> int:
    pending = ""
    while True:
        ended = process.poll()
        pending += lines.read()
        *complete, pending = pending.split("\n")
        for line in complete:
            say(line, line.startswith(ERROR))
            if line.startswith(READY):
                return 0
        if ended is not None:
            return ended or 1
        time.sleep(0.1)
