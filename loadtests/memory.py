"""How much memory each part of a shop takes."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from pearshop.launcher.processes import session_members
from pearshop.launcher.state import Run

MIB = 1024 * 1024
PROGRAMS = {"gcs_server": "GCS", "raylet": "raylet", "haproxy": "HAProxy"}
ROLES = {
    "ray::CartHostActor": "cart hosts",
    "ray::ServeReplica:pearshop:Api": "Api replicas",
    "ray::ServeReplica:pearshop:Database": "Database replicas",
    "ray::ServeReplica:pearshop:Webhooks": "Webhooks",
    "ray::ServeController": "Serve controller",
    "ray::ProxyActor": "Serve's proxies",
    "ray::HAProxyManager": "Serve's proxies",
    "/pearshop-haproxy": "HAProxy",
    "/ray/dashboard/": "dashboard",
    "ray-dashboard-": "dashboard",
    "ray.dashboard.": "dashboard",
    "ray::DashboardAgent": "dashboard",
    "ray::RuntimeEnvAgent": "dashboard",
}
"""What tells the role of a cluster's process: the first that its command line contains."""
SERVERS = {"postgres": "PostgreSQL", "redis": "Redis", "up": "pearshop up"}
"""Roles of the other processes, by their name in `run.json`."""
OTHERS = "the rest of Ray"


@dataclass(frozen=True, slots=True)
class Usage:
    """A role's processes and their memory in MiB.

    RSS has what they share, such as PostgreSQL's buffers, once for each of them. `private` is RSS
    without files and shared memory: it does not change with what else runs on the machine.
    """

    processes: int = 0
    rss: float = 0.0
    private: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.processes + other.processes, self.rss + other.rss, self.private + other.private
        )


def role_of(command: Sequence[str]) -> str:
    """Return the role of a process of the cluster. Pure."""
    program, line = Path(command[0]).name, " ".join(command)
    named = (role for part, role in ROLES.items() if part in line)
    return PROGRAMS.get(program) or next(named, OTHERS)


def usage_by_role(run: Run) -> dict[str, Usage]:
    """Return what each role takes now."""
    found: dict[str, Usage] = {}
    for role, process in processes(run):
        with contextlib.suppress(psutil.NoSuchProcess):
            memory = process.memory_info()
            usage = Usage(1, memory.rss / MIB, (memory.rss - memory.shared) / MIB)
            found[role] = found.get(role, Usage()) + usage
    return found


def processes(run: Run) -> Iterator[tuple[str, psutil.Process]]:
    """Yield each process of the shop with its role, those of Ray and of the servers included."""
    for process in session_members([run.pids["ray"]]):
        with contextlib.suppress(psutil.NoSuchProcess):
            if command := process.cmdline():
                yield role_of(command), process
    for name, role in SERVERS.items():
        with contextlib.suppress(KeyError, psutil.NoSuchProcess):
            server = psutil.Process(run.pids[name])
            yield role, server
            if name != "up":  # whose children are all the others
                for child in server.children(recursive=True):
                    yield role, child
