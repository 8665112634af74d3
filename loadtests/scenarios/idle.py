"""What a shop takes that nobody visits.

PSS splits what processes share, other shops' on the same machine among them: measure it alone.
"""

import tempfile
import time
from pathlib import Path

import httpx

from loadtests.scenarios.parts import Taken, cpu_by_role, pss_by_role, taken
from loadtests.scenarios.result import Figure, Options, Result, Row
from loadtests.shop import own_shop

SETTLE_S, WATCH_S = 30, 60
MOST_MB, MOST_CORE = 1_200, 0.05
SERVERS = ("PostgreSQL", "Redis")


def measure(options: Options) -> Result:
    """Start an empty shop, let it settle, and watch it."""
    with tempfile.TemporaryDirectory() as folder, own_shop(Path(folder), {}) as run:
        time.sleep(options.pick(SETTLE_S, 10))
        before = taken(run)
        began = time.monotonic()
        time.sleep(options.pick(WATCH_S, 10))
        after = taken(run)
        seconds = time.monotonic() - began
        answer = httpx.get(f"{run.api_url}/api/product/?limit=1", timeout=30)
    right = (answer.status_code, answer.content) == (200, b"[]")
    problems = [] if right else [f"an empty shop answered {answer.status_code} {answer.text[:100]}"]
    return Result(rows(before, after, seconds), problems)


def rows(before: dict[int, Taken], after: dict[int, Taken], seconds: float) -> list[Row]:
    """Return memory at the end, and processor time between the two. Pure."""
    memory, cpu = pss_by_role(after), cpu_by_role(before, after)
    all_mb, all_cpu = sum(memory.values()), sum(cpu.values()) / seconds
    own_mb = all_mb - sum(memory[each] for each in SERVERS)
    own_cpu = all_cpu - sum(cpu[each] for each in SERVERS) / seconds
    figures: dict[str, Figure] = {
        "processes": len(after),
        "PSS MB, all": round(all_mb, 1),
        "PSS MB, without PostgreSQL and Redis": round(own_mb, 1),
    }
    figures |= {f"PSS MB, {role}": round(mb, 1) for role, mb in memory.most_common()}
    shares: dict[str, Figure] = {
        "seconds": round(seconds, 1),
        "share of a core, all": round(all_cpu, 4),
        "share of a core, without PostgreSQL and Redis": round(own_cpu, 4),
    }
    shares |= {f"share of a core, {r}": round(s / seconds, 4) for r, s in cpu.most_common()}
    return [
        Row(
            "idle shop: memory of all processes",
            "below 1.2 GB (sum of PSS)",
            f"{all_mb / 1000:.2f} GB, {own_mb / 1000:.2f} GB without PostgreSQL and Redis",
            all_mb < MOST_MB,
            figures,
        ),
        Row(
            "idle shop: processor time",
            "below 5 % of one core",
            f"{all_cpu:.1%}, {own_cpu:.1%} without PostgreSQL and Redis",
            all_cpu < MOST_CORE,
            shares,
        ),
    ]
