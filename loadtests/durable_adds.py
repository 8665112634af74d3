"""Durable adds to carts beside the floor: `uv run python -m loadtests.durable_adds`.

Starts a shop as `pearshop up` does, with a constant answer as a second application of the same
Serve instance, and loads the two in turn with `wrk`. Prints a Markdown table. Exits with 1 when
an add was answered by an error or an add that was acknowledged is not in the database.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
from sqlalchemy import Engine, text

from loadtests.accounts import Wallet, make_products, make_shoppers
from loadtests.shop import engine_of, own_shop
from loadtests.wrk import ADDS, Goods, Sample, load, require
from pearshop.errors import ConfigurationError
from pearshop.launcher import config
from pearshop.launcher.dashboard import Dashboard
from pearshop.launcher.state import Run

ROOT = Path(__file__).parents[1]
FLOOR = "/floor/order-item/"
SHOPPERS = 500


@contextmanager
def shop_and_floor(state: Path) -> Iterator[Run]:
    """Run a shop with the floor beside it."""
    with own_shop(state, {"PYTHONPATH": str(ROOT)}) as run:
        _deploy_floor(run)
        yield run


def _deploy_floor(run: Run) -> None:
    description = config.load("127.0.0.1", httpx.URL(run.api_url).port or 80)
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
    dashboard = Dashboard(run.dashboard_url)
    dashboard.deploy(description, 120)
    floor_url = run.api_url + FLOOR
    while not (dashboard.is_running("floor") and httpx.post(floor_url).status_code == 201):
        time.sleep(0.2)


def load_counting_commits(
    engine: Engine, url: str, goods: Goods, connections: int, seconds: int
) -> Sample:
    """Run wrk once on adds and count PostgreSQL's commits for each."""
    before = _commits(engine)
    sample = load(url, ADDS, goods, connections, seconds)
    commits = (_commits(engine) - before) / sample.requests
    return replace(sample, commits=commits)


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
    try:
        require()
    except ConfigurationError as error:
        print(error)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        with shop_and_floor(state) as run:
            engine = engine_of(run)
            goods = Goods(state / "tokens", make_products(engine))
            Wallet(state).write(make_shoppers(engine, SHOPPERS), goods.tokens)
            return measure(engine, run.api_url, goods, options)


def measure(engine: Engine, url: str, goods: Goods, options: argparse.Namespace) -> int:
    """Load floor and adds in turn; print a row for each number of connections."""
    load(url, FLOOR, goods, 32, 3)  # warm-up
    sent = [load(url, ADDS, goods, 32, 8)]
    print("| connections | floor/s | adds/s | ratio | add p50 ms | add p99 ms | commits per add |")
    print("|---|---|---|---|---|---|---|")
    for connections in options.connections:
        floors: list[Sample] = []
        adds: list[Sample] = []
        for _ in range(options.rounds):
            floors.append(load(url, FLOOR, goods, connections, options.seconds))
            adds.append(load_counting_commits(engine, url, goods, connections, options.seconds))
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
