"""What a scaling shop looks like over time: its load, its parts, and when their number changed."""

import csv
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from sqlalchemy import Engine, text

from loadtests.tables import Sheet
from pearshop.errors import Unavailable
from pearshop.launcher.config import APPLICATION
from pearshop.launcher.dashboard import Dashboard
from pearshop.launcher.state import Run


class Parts(NamedTuple):
    """How many there are: running `Api` replicas, cart hosts that carry carts, live nodes."""

    replicas: int
    hosts: int
    nodes: int


NAMES = ("Api replicas", "cart hosts", "nodes")


@dataclass(frozen=True, slots=True)
class Sample:
    """What was there at a time (s since 1970)."""

    at: float
    parts: Parts


class Load(NamedTuple):
    """What locust saw at a time (s since 1970); latencies of the last ten seconds in ms."""

    at: float
    users: int
    rate: float
    failures: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Watch:
    """Looks at a shop that runs. Raises what its dashboard or its database raise."""

    run: Run
    engine: Engine

    def look(self) -> Sample:
        """Return what is there now."""
        with self.engine.connect() as connection:
            hosts = connection.execute(text("SELECT hosts FROM placement")).scalar_one()
        application = Dashboard(self.run.dashboard_url).applications().get(APPLICATION, {})
        replicas = application.get("deployments", {}).get("Api", {}).get("replicas", [])
        running = sum(each["state"] == "RUNNING" for each in replicas)
        return Sample(time.time(), Parts(running, hosts, self._nodes()))

    def _nodes(self) -> int:
        answer = httpx.get(f"{self.run.dashboard_url}/api/v0/nodes", timeout=10, trust_env=False)
        found: list[dict[str, Any]] = answer.json()["data"]["result"]["result"]
        return sum(each["state"] == "ALIVE" for each in found)

    def until(self, over: Callable[[Sample], bool], every: float, seen: list[Sample]) -> None:
        """Look from time to time until a sample says that it is over; all go into `seen`."""
        while not (seen and over(seen[-1])):
            time.sleep(every)
            try:
                seen.append(self.look())
            except (Unavailable, httpx.HTTPError, KeyError):
                continue  # a dashboard on a busy machine is slow now and then


def read_load(file: Path) -> list[Load]:
    """Return what locust's history file of all requests together says."""
    with file.open(newline="") as rows:
        return [
            Load(
                float(row["Timestamp"]),
                int(row["User Count"]),
                float(row["Requests/s"]),
                float(row["Failures/s"]),
                *(float(row[each]) if row[each] != "N/A" else 0.0 for each in ("50%", "99%")),
            )
            for row in csv.DictReader(rows)
            if row["Name"] == "Aggregated"
        ]


def changes(samples: Sequence[Sample], load: Sequence[Load]) -> Sheet:
    """Return when which number changed, and the load of that moment. Pure."""
    start = samples[0].at
    rows = [_row(start, samples[0], "at first", load)]
    for before, after in itertools.pairwise(samples):
        words = [
            f"{name} {was} → {now}"
            for name, was, now in zip(NAMES, before.parts, after.parts, strict=True)
            if was != now
        ]
        if words:
            rows.append(_row(start, after, ", ".join(words), load))
    heading = ("after", "change", *NAMES, "users", "requests/s", "p50, p99 ms")
    return Sheet(heading, rows)


def _row(start: float, sample: Sample, change: str, load: Sequence[Load]) -> tuple[str, ...]:
    now = next((each for each in reversed(load) if each.at <= sample.at), None)
    busy = now if now and sample.at - now.at < 5 else None
    return (
        f"{sample.at - start:,.0f} s",
        change,
        *map(str, sample.parts),
        *((f"{busy.users}", f"{busy.rate:,.0f}") if busy else ("0", "0")),
        f"{busy.p50:,.0f}, {busy.p99:,.0f}" if busy else "-",
    )


def plot(samples: Sequence[Sample], load: Sequence[Load], file: Path) -> None:
    """Draw load, latency and parts, one above the other, over the same minutes."""
    from matplotlib.figure import Figure

    start = samples[0].at
    at = [(each.at - start) / 60 for each in samples]
    loaded = [(each.at - start) / 60 for each in load]
    figure = Figure(figsize=(9, 8), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True)
    top.plot(loaded, [each.users for each in load], label="users")
    top.plot(loaded, [each.rate for each in load], label="requests/s")
    middle.plot(loaded, [each.p50 for each in load], label="p50, ms")
    middle.plot(loaded, [each.p99 for each in load], label="p99, ms")
    middle.set_yscale("log")
    for number, name in enumerate(NAMES):
        counts = [each.parts[number] for each in samples]
        bottom.step(at, counts, where="post", label=name, linestyle=("-", "--", ":")[number])
    bottom.set_ylim(bottom=0)
    bottom.set_xlabel("minutes")
    for axes in (top, middle, bottom):
        axes.legend(loc="upper right")
        axes.grid(visible=True, alpha=0.3)
    figure.savefig(file)
