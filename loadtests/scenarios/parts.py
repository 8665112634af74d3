"""What each part of a shop takes: memory as PSS, and processor time."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from loadtests.memory import processes
from pearshop.launcher.state import Run

MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Taken:
    """A process: its role, PSS in MB, and processor seconds since its start."""

    role: str
    pss: float
    cpu: float


def taken(run: Run) -> dict[int, Taken]:
    """Return what each process takes now, by process id.

    PSS counts memory that is shared by its share: so the sum of all is what the shop takes.
    """
    found: dict[int, Taken] = {}
    for role, process in processes(run):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            # Of children that have ended; nobody else would count them.
            cpu = times.user + times.system + times.children_user + times.children_system
            found[process.pid] = Taken(role, process.memory_full_info().pss / MB, cpu)
    return found


def pss_by_role(now: dict[int, Taken]) -> Counter[str]:
    """Return MB for each role. Pure."""
    return _sum((each.role, each.pss) for each in now.values())


def cpu_by_role(before: dict[int, Taken], after: dict[int, Taken]) -> Counter[str]:
    """Return processor seconds for each role between the two. Pure.

    A process that is new counts from its start.
    """
    return _sum(
        (each.role, each.cpu - (before[pid].cpu if pid in before else 0.0))
        for pid, each in after.items()
    )


def _sum(pairs: Iterator[tuple[str, float]]) -> "Counter[str]":
    total: Counter[str] = Counter()
    for role, value in pairs:
        total[role] += value  # type: ignore[assignment]  # typeshed counts whole things only
    return total
