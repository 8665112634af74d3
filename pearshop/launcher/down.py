"""`pearshop down`: stop the shop of a state folder from outside."""

import contextlib
import os
import signal
import time
from collections.abc import Callable

from pearshop.errors import ConfigurationError
from pearshop.launcher.monitoring import monitors
from pearshop.launcher.processes import describe, lives, stop_leftovers, wait_gone
from pearshop.launcher.servers import Servers
from pearshop.launcher.state import StateFolder
from pearshop.settings import Settings

TIMEOUT_S = 60.0


def down(folder: StateFolder, say: Callable[[str], None]) -> None:
    """Stop the shop and wait until it has stopped; clean up after one that was killed.

    Raises `ConfigurationError` when it does not stop in time.
    """
    pid, run = folder.holder(), folder.read_run()
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        _wait_released(folder, pid)
        pids = run.pids if run else {"up": pid}
        left = wait_gone(lambda: [each for each in pids.values() if lives(each)], 5.0)
        if left:
            raise ConfigurationError(f"Still there after the stop: {left}.")
        say("Stopped " + ", ".join(f"{name} ({each})" for name, each in pids.items()) + ".")
        return
    with folder.lock():
        stopped = stop_leftovers(folder.runtime)
        stopped += Servers(
            folder.path, Settings(), monitors(folder.path, folder.runtime)
        ).stop_leftovers()
        folder.remove_run()
    if stopped:
        say(f"The shop had been killed. Stopped what it left behind: {describe(stopped)}.")
    else:
        say("The shop is not up.")


def _wait_released(folder: StateFolder, pid: int) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while folder.holder() is not None:
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"Process {pid} did not stop within {TIMEOUT_S:.0f} s: kill it with "
                f"`kill -9 {pid}`, then run `pearshop down` again."
            )
        time.sleep(0.1)
