"""Processes by session, and the leftovers of a shop whose `up` was killed.

Ray is started in a session of its own, and everything that it starts stays in it: workers,
replicas, cart hosts, HAProxy. So a session tells a cluster's processes from all others, even when
their parents are gone.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")
HAPROXY = "haproxy"
GUARD = "pearshop-haproxy"
SERVERS = frozenset({HAPROXY, "postgres", "redis"})
RAY_PROGRAMS = frozenset({"gcs_server", "raylet"})
RAY_START = "ray.scripts.scripts"
RAY_SCRIPTS = ("/ray/dashboard/", "/ray/_private/")


@dataclass(frozen=True)
class Leftover:
    """A process that a killed run left behind."""

    pid: int
    name: str


def describe(leftovers: Iterable[Leftover]) -> str:
    """Return them in one line; Ray's many processes as a number."""
    all_of_them = list(leftovers)
    servers = [each for each in all_of_them if each.name in SERVERS]
    words = [f"{each.name} ({each.pid})" for each in servers]
    if len(all_of_them) > len(servers):
        words.append(f"Ray ({len(all_of_them) - len(servers)} processes)")
    return ", ".join(words)


def session_members(sessions: Iterable[int]) -> list[psutil.Process]:
    """Return the live processes of these sessions."""
    wanted = set(sessions)
    found = []
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.NoSuchProcess):
            if os.getsid(pid) in wanted:
                process = psutil.Process(pid)
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
    return found


def lives(pid: int) -> bool:
    """Return whether a process runs; one that ended and waits for its parent does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_gone(find: Callable[[], list[T]], timeout: float) -> list[T]:
    """Wait until `find` finds nothing; return what it still finds after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while (left := find()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def kill(processes: Iterable[psutil.Process]) -> None:
    """Send SIGKILL to those that still live."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)


def find_leftovers(runtime: Path) -> list[psutil.Process]:
    """Return what an earlier run left: HAProxy and Ray of this runtime directory, none other's."""
    sessions = set()
    found = {}
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if not belongs(command, runtime):
            continue
        found[process.pid] = process
        with contextlib.suppress(OSError):
            if Path(command[0]).name != HAPROXY:
                sessions.add(os.getsid(process.pid))
    # The workers of a cluster change their command lines; their session they keep.
    sessions.discard(os.getsid(0))
    found.update({process.pid: process for process in session_members(sessions)})
    return list(found.values())


def belongs(command: list[str], runtime: Path) -> bool:
    """Return whether a command line is that of HAProxy or Ray with this runtime directory.

    Anything else that names the directory, such as a pager on a log, is not ours.
    """
    if not command or not any(_is_below(argument, runtime) for argument in command[1:]):
        return False
    return (
        Path(command[0]).name in {HAPROXY, *RAY_PROGRAMS}
        or any(Path(each).name == GUARD for each in command[:2])
        or RAY_START in command
        or any(script in argument for argument in command for script in RAY_SCRIPTS)
    )


def stop_leftovers(runtime: Path) -> list[Leftover]:
    """Kill what an earlier run left, and return what that was."""
    stopped: dict[int, Leftover] = {}
    for _ in range(3):  # A dying cluster may start one more process.
        found = find_leftovers(runtime)
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                stopped[process.pid] = Leftover(process.pid, process.name())
        kill(found)
        if not found or not wait_gone(lambda: find_leftovers(runtime), 5.0):
            break
    return list(stopped.values())


def _is_below(argument: str, directory: Path) -> bool:
    value = argument.partition("=")[2] or argument
    return value == str(directory) or value.startswith(f"{directory}/")
