"""Processor time and memory of a subject's processes, by role."""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass

import psutil

from loadtests.memory import MIB, role_of
from pearshop.db.embedded import DATABASE
from pearshop.launcher.processes import session_members
from pearshop.launcher.state import Run

API, HOSTS, DATABASES = "Api replicas", "cart hosts", "Database replicas"
RAY, WRK = "the rest of Ray", "wrk"
FLOOR_REPLICAS, BARE_REPLICAS = "floor replicas", "bare replicas"
OWN = frozenset({API, HOSTS, DATABASES, "HAProxy"})
"""Roles with a line of their own; all else of the cluster is one."""
CONNECTIONS, SERVER = "PostgreSQL connections", "PostgreSQL itself"
"""The processes that serve the subject's connections; and those that write for all databases."""
NOT_THE_BARE = frozenset({FLOOR_REPLICAS, API, "Redis", "pearshop up"})
"""Roles without which bare writes would be as they are; the next ones, likewise, of the floor."""
NOT_THE_FLOORS = (NOT_THE_BARE - {FLOOR_REPLICAS}) | {
    BARE_REPLICAS,
    HOSTS,
    DATABASES,
    CONNECTIONS,
    SERVER,
}
Used = dict[tuple[str, int], float]
Found = Iterator[tuple[str, psutil.Process]]


@dataclass(frozen=True)
class Processes:
    """Those of one subject. `find` yields each with its role."""

    find: Callable[[], Found]

    def cpu(self) -> Used:
        """Return the processor time in s that each process has used so far."""
        used: Used = {}
        for role, process in self.find():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used[role, process.pid] = times.user + times.system
        return used

    def memory(self) -> dict[str, float]:
        """Return MiB (PSS: what is shared counts in parts) by role, the largest first."""
        taken: dict[str, float] = defaultdict(float)
        for role, process in self.find():
            with contextlib.suppress(psutil.NoSuchProcess):
                taken[role] += process.memory_full_info().pss / MIB
        return dict(sorted(taken.items(), key=lambda item: -item[1]))


def spent(before: Used, after: Used) -> dict[str, float]:
    """Return the processor time in s that each role used from one look to the next. Pure.

    What a process that ended meanwhile used is not in it.
    """
    used: dict[str, float] = defaultdict(float)
    for (role, pid), seconds in after.items():
        used[role] += seconds - before.get((role, pid), 0.0)
    return dict(used)


def busy() -> float:
    """Return the processor time in s that everything on the machine has used, or was denied."""
    now = psutil.cpu_times()
    return float(sum(now) - now.idle - now.iowait - now.guest - now.guest_nice)


def of_shop(run: Run, without: Set[str]) -> Processes:
    """Return those of the shop that runs, but for some roles, which work for another subject."""

    def find() -> Found:
        for process in session_members([run.pids["ray"]]):
            with contextlib.suppress(psutil.NoSuchProcess):
                if command := process.cmdline():
                    yield shop_role(command), process
        for name, role in (("redis", "Redis"), ("up", "pearshop up")):
            with contextlib.suppress(KeyError, psutil.NoSuchProcess):
                yield role, psutil.Process(run.pids[name])
        yield from _postgres(run.pids["postgres"], DATABASE)

    return Processes(lambda: (each for each in find() if each[0] not in without))


def of_peer(leader: int, role: str, postgres: int, database: str) -> Processes:
    """Return those of the peer whose session `leader` leads, and of its database."""

    def find() -> Found:
        for process in session_members([leader]):
            yield role, process
        yield from _postgres(postgres, database)

    return Processes(find)


def shop_role(command: Sequence[str]) -> str:
    """Return the role of a process of the cluster. Pure."""
    line = " ".join(command)
    for application, role in (("floor", FLOOR_REPLICAS), ("bare", BARE_REPLICAS)):
        if f"ray::ServeReplica:{application}:" in line:
            return role
    role = role_of(command)
    return role if role in OWN else RAY


def postgres_role(title: str, database: str) -> str | None:
    """Return the role of a PostgreSQL process by its title; `None`: it serves another database.

    Pure.
    """
    words = title.removeprefix("postgres: ").split()
    if len(words) >= 3 and "(" in words[2]:  # postgres: USER DATABASE ADDRESS(PORT) STATE
        return CONNECTIONS if words[1] == database else None
    return SERVER


def _postgres(pid: int, database: str) -> Found:
    server = psutil.Process(pid)
    for process in (server, *server.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            if (command := process.cmdline()) and (role := postgres_role(command[0], database)):
                yield role, process
