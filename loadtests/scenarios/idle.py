"""What a shop takes that nobody visits; and what is left when nothing of it is there but Ray Serve
with one replica that does nothing, so that what is Ray's own is told from what is the shop's.

PSS splits what processes share, other shops' on the same machine among them: measure it alone.
"""

import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import httpx

from loadtests.scenarios.parts import Taken, cpu_by_role, pss_by_role, taken
from loadtests.scenarios.result import Figure, Options, Result, Row
from loadtests.shop import own_shop
from loadtests.shop_with_floor import ROOT
from pearshop.errors import ConfigurationError
from pearshop.launcher import config
from pearshop.launcher.dashboard import Dashboard
from pearshop.launcher.state import Run

SETTLE_S, WATCH_S = 30, 60
MOST_MB, MOST_CORE = 1_200, 0.05
GONE_S = 180.0
"""Cart hosts end a minute after the last call."""
SERVERS = ("PostgreSQL", "Redis")
NOT_RAYS = (*SERVERS, "pearshop up")
SHOPS = {"Api replicas", "Database replicas", "Webhooks", "cart hosts"}


def measure(options: Options) -> Result:
    """Start an empty shop, let it settle, and watch it."""
    variables = {"PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory() as folder, own_shop(Path(folder), variables) as run:
        shop = _watch(run, options)
        answer = httpx.get(f"{run.api_url}/api/product/?limit=1", timeout=30)
        _leave_nothing_but_ray(run)
        rest = _watch(run, options)
    right = (answer.status_code, answer.content) == (200, b"[]")
    problems = [] if right else [f"an empty shop answered {answer.status_code} {answer.text[:100]}"]
    return Result(rows(shop, rest), problems)


@dataclass(frozen=True)
class Watched:
    """What each process had taken before and after so many seconds."""

    before: dict[int, Taken]
    after: dict[int, Taken]
    seconds: float

    @property
    def memory(self) -> Counter[str]:
        """MB for each role at the end."""
        return pss_by_role(self.after)

    @property
    def cores(self) -> Counter[str]:
        """Cores that each role kept busy."""
        spent = cpu_by_role(self.before, self.after)
        return Counter({role: each / self.seconds for role, each in spent.items()})


def _watch(run: Run, options: Options) -> Watched:
    time.sleep(options.pick(SETTLE_S, 10))
    before = taken(run)
    began = time.monotonic()
    time.sleep(options.pick(WATCH_S, 10))
    return Watched(before, taken(run), time.monotonic() - began)


def _leave_nothing_but_ray(run: Run) -> None:
    """Replace the shop's application by a replica that does nothing, and wait until it is gone."""
    description = config.load("127.0.0.1", httpx.URL(run.api_url).port or 80)
    nothing = {
        "name": "nothing",
        "route_prefix": "/",
        "import_path": "loadtests.floor:app",
        "deployments": [{"name": "Floor", "num_replicas": 1}],
    }
    dashboard = Dashboard(run.dashboard_url)
    dashboard.deploy(description | {"applications": [nothing]}, 120)
    deadline = time.monotonic() + GONE_S
    while not dashboard.is_running("nothing") or SHOPS & pss_by_role(taken(run)).keys():
        if time.monotonic() > deadline:
            raise ConfigurationError(f"The shop's processes did not end within {GONE_S} s.")
        time.sleep(1)


def rows(shop: Watched, rest: Watched) -> list[Row]:
    """Return what the shop took, and beside it the rest, servers and `up` left out. Pure."""
    memory, cpu = shop.memory, shop.cores
    all_mb, all_cpu = sum(memory.values()), sum(cpu.values())
    own_mb = all_mb - sum(memory[each] for each in SERVERS)
    own_cpu = all_cpu - sum(cpu[each] for each in SERVERS)
    rays_mb = sum(mb for role, mb in rest.memory.items() if role not in NOT_RAYS)
    rays_cpu = sum(cores for role, cores in rest.cores.items() if role not in NOT_RAYS)
    figures: dict[str, Figure] = {
        "processes": len(shop.after),
        "PSS MB, all": round(all_mb, 1),
        "PSS MB, without PostgreSQL and Redis": round(own_mb, 1),
    }
    figures["PSS MB, Ray Serve with one replica that does nothing"] = round(rays_mb, 1)
    figures |= {f"PSS MB, {role}": round(mb, 1) for role, mb in memory.most_common()}
    shares: dict[str, Figure] = {
        "seconds": round(shop.seconds, 1),
        "share of a core, all": round(all_cpu, 4),
        "share of a core, without PostgreSQL and Redis": round(own_cpu, 4),
    }
    shares["share of a core, Ray Serve with one replica that does nothing"] = round(rays_cpu, 4)
    shares |= {f"share of a core, {r}": round(s, 4) for r, s in cpu.most_common()}
    return [
        Row(
            "idle shop: memory of all processes",
            "below 1.2 GB (sum of PSS)",
            f"{all_mb / 1000:.2f} GB, {own_mb / 1000:.2f} GB without PostgreSQL and Redis; "
            f"Ray Serve with one replica that does nothing {rays_mb / 1000:.2f} GB",
            all_mb < MOST_MB,
            figures,
        ),
        Row(
            "idle shop: processor time",
            "below 5 % of one core",
            f"{all_cpu:.1%}, {own_cpu:.1%} without PostgreSQL and Redis; "
            f"Ray Serve with one replica that does nothing {rays_cpu:.1%}",
            all_cpu < MOST_CORE,
            shares,
        ),
    ]
