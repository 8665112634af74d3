"""Durable adds to carts beside the floor: `uv run python -m loadtests.durable_adds`.

Starts a shop as `pearshop up` does, with a constant answer as a second application of the same
Serve instance, and loads the two in turn with `wrk`. Prints a Markdown table. Exits with 1 when
an add was answered by an error or an add that was acknowledged is not in the database.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import Engine, text

from pearshop.db.embedded_server import free_port
from pearshop.db.engine import make_engine
from pearshop.domain.user import User
from pearshop.http.tokens import Tokens
from pearshop.launcher import config
from pearshop.launcher.dashboard import Dashboard
from pearshop.settings import Settings

ROOT = Path(__file__).parents[1]
SCRIPT = Path(__file__).with_name("adds.lua")
SHOPPERS = 500
PRODUCTS = 50


@dataclass(frozen=True)
class Sample:
    """One run of wrk. Latencies in ms."""

    rate: float
    requests: int
    errors: int
    p50: float
    p99: float
    commits: float = 0.0


@contextmanager
def running_shop(state: Path) -> Iterator[dict[str, str]]:
    """Run a shop with the floor beside it; yield its `run.json`."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pearshop.cli"]
    port = free_port()
    folder = f"--state-dir={state}"
    subprocess.run(  # noqa: S603
        [*command, "up", "--detach", "--no-demo", f"--port={port}", folder],
        env=environment,
        check=True,
    )
    try:
        run = json.loads((state / "run.json").read_text())
        _deploy_floor(run, port)
        yield run
    finally:
        subprocess.run([*command, "down", folder], check=True)  # noqa: S603


def _deploy_floor(run: dict[str, str], port: int) -> None:
    description = config.load("127.0.0.1", port)
    shop = description["applications"][0]
    api = next(each for each in shop["deployments"] if each["name"] == "Api")
    floor = {key: value for key, value in api.items() if key != "user_config"}
    description["applications"].append(
        {
            "name": "floor",
            "route_prefix": "/floor",
            "import_path": "loadtests.floor:app",
            "deployments": [floor | {"name": "Floor"}],
        }
    )
    dashboard = Dashboard(run["dashboard_url"])
    dashboard.deploy(description, 120)
    floor_url = run["api_url"] + "/floor/order-item/"
    while not (dashboard.is_running("floor") and httpx.post(floor_url).status_code == 201):
        time.sleep(0.2)


def prepare(engine: Engine, state: Path) -> None:
    """Store shoppers and products, and write the shoppers' tokens where wrk reads them."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO users (username, username_key, password_hash) "
                "SELECT 'w' || g, 'w' || g, '' FROM generate_series(1, :n) g"
            ),
            {"n": SHOPPERS},
        )
        connection.execute(
            text(
                "INSERT INTO products (name, price) "
                "SELECT 'Pear ' || g, 250 FROM generate_series(1, :n) g"
            ),
            {"n": PRODUCTS},
        )
        shoppers = connection.execute(
            text("SELECT id, username FROM users WHERE username LIKE 'w%'")
        ).all()
    tokens = Tokens((state / "signing-key").read_text().strip())
    lines = [tokens.access(User(row.id, row.username, False), 0) for row in shoppers]
    (state / "tokens").write_text("\n".join(lines))


def load(url: str, path: str, state: Path, connections: int, seconds: int) -> Sample:
    """Run wrk once."""
    done = subprocess.run(  # noqa: S603
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(SCRIPT), url],  # noqa: S607
        env=os.environ
        | {
            "PEARSHOP_TOKENS": str(state / "tokens"),
            "PEARSHOP_PATH": path,
            "PEARSHOP_PRODUCTS": str(PRODUCTS),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    requests, microseconds, errors, p50, p99 = map(float, line.split()[1:])
    return Sample(requests / microseconds * 1e6, int(requests), int(errors), p50, p99)


def load_counting_commits(
    engine: Engine, url: str, state: Path, connections: int, seconds: int
) -> Sample:
    """Run wrk once on adds and count PostgreSQL's commits for each."""
    before = _commits(engine)
    sample = load(url, "/api/order-item/", state, connections, seconds)
    commits = (_commits(engine) - before) / sample.requests
    return Sample(sample.rate, sample.requests, sample.errors, sample.p50, sample.p99, commits)


def _commits(engine: Engine) -> int:
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_stat_force_next_flush()"))
        query = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        count: int = connection.execute(text(query)).scalar_one()
        return count


def pieces(engine: Engine) -> int:
    """Return how many pieces lie in all carts."""
    query = "SELECT COALESCE(sum((line->>2)::int), 0) FROM carts, jsonb_array_elements(lines) line"
    with engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 32, 128])
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("wrk is missing: apt-get install wrk")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        with running_shop(state) as run:
            engine = make_engine(Settings(database_url=run["database_url"]), pool_size=1)
            prepare(engine, state)
            return measure(engine, run["api_url"], state, options)


def measure(engine: Engine, url: str, state: Path, options: argparse.Namespace) -> int:
    """Load floor and adds in turn; print a row for each number of connections."""
    load(url, "/floor/order-item/", state, 32, 3)  # warm-up
    sent = [load(url, "/api/order-item/", state, 32, 8)]
    print("| connections | floor/s | adds/s | ratio | add p50 ms | add p99 ms | commits per add |")
    print("|---|---|---|---|---|---|---|")
    for connections in options.connections:
        floors: list[Sample] = []
        adds: list[Sample] = []
        for _ in range(options.rounds):
            floors.append(load(url, "/floor/order-item/", state, connections, options.seconds))
            adds.append(load_counting_commits(engine, url, state, connections, options.seconds))
        sent += adds
        ratio = statistics.median(a.rate / f.rate for a, f in zip(adds, floors, strict=True))
        print(
            f"| {connections} | {_median(floors, 'rate'):,.0f} | {_median(adds, 'rate'):,.0f} "
            f"| {ratio:.0%} | {_median(adds, 'p50'):.1f} | {_median(adds, 'p99'):.1f} "
            f"| {_median(adds, 'commits'):.2f} |",
            flush=True,
        )
    acknowledged = sum(s.requests for s in sent)
    errors, stored = sum(s.errors for s in sent), pieces(engine)
    print(f"\n{acknowledged:,} adds acknowledged, {errors} errors, {stored:,} pieces in the carts.")
    return int(errors > 0 or stored < acknowledged)


def _median(samples: list[Sample], name: str) -> float:
    return float(statistics.median(getattr(sample, name) for sample in samples))


if __name__ == "__main__":
    sys.exit(main())
