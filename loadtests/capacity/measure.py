"""What a shopper's journey costs at two rates, and what PostgreSQL commits at most."""

import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import Engine, text

from loadtests.accounts import Wallet, make_shoppers
from loadtests.bench.machine import describe
from loadtests.bench.processes import HOSTS, WRK, busy, of_shop, spent
from loadtests.capacity.model import Journey, Measured
from loadtests.scenarios.journey import CONNECTIONS, MIX, PRODUCTS, SHOPPERS
from loadtests.scenarios.stock import begun_carts, stocked
from loadtests.scenarios.visits import Crowd
from loadtests.shop import engine_of, own_shop
from pearshop.db.engine import make_engine
from pearshop.errors import ConfigurationError
from pearshop.settings import Settings

RATES = (10_000 / 60, 60_000 / 60)
WARM_UP_S = 20
PROBE_S = 3.0
PROBES = 16
"""Connections that commit one small row after the other: those of two `Database` replicas."""
WRITTEN = text("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
"""Grows by one with each transaction that writes."""


def measure(seconds: int) -> Measured:
    """Start a shop, offer it journeys, and count. Raises `ConfigurationError`."""
    with tempfile.TemporaryDirectory() as folder, own_shop(Path(folder), {}) as run:
        engine = engine_of(run)
        products = stocked(engine, PRODUCTS)
        shoppers, wallet = make_shoppers(engine, (1 + len(RATES)) * SHOPPERS), Wallet(Path(folder))
        crowds = [shoppers[n : n + SHOPPERS] for n in range(0, len(shoppers), SHOPPERS)]
        carts = begun_carts(engine, shoppers, products)
        crowd = Crowd(products, carts, MIX, CONNECTIONS)
        processes = of_shop(run, frozenset())
        crowd.visit(run.api_url, wallet, crowds[0], WARM_UP_S, RATES[-1] / 2)
        journeys = []
        for rate, some in zip(RATES, crowds[1:], strict=True):
            written, before = _written(engine), processes.cpu()
            all_before, began = busy(), time.monotonic()
            visits = crowd.visit(run.api_url, wallet, some, seconds, rate)
            took, used = time.monotonic() - began, spent(before, processes.cpu())
            others = busy() - all_before - sum(used.values()) - visits.cores * seconds
            figures = visits.figures()
            if visits.errors() or visits.wrong:
                raise ConfigurationError(
                    f"{visits.errors()} errors, {len(visits.wrong)} wrong answers at {rate:.0f}/s"
                )
            count = len(visits.answers)
            journeys.append(
                Journey(
                    rate,
                    count / visits.seconds,
                    float(figures["all: p50 ms"]),
                    float(figures["all: p99 ms"]),
                    {role: cpu / count * 1e3 for role, cpu in used.items() if role != WRK},
                    (_written(engine) - written) / count,
                    max(0.0, others) / took,
                )
            )
        commits = _most_commits(run.database_url)
        machine = describe(run.database_url)
        engine.dispose()
    assert all(HOSTS in each.cpu for each in journeys)
    return Measured(machine, journeys, commits)


def _written(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(WRITTEN).scalar_one())


def _most_commits(url: str) -> float:
    """Return how many transactions of one row a second PostgreSQL makes durable."""
    engine = make_engine(Settings(database_url=url), pool_size=PROBES)
    over = threading.Event()

    def commit(number: int) -> int:
        done = 0
        while not over.is_set():
            with engine.begin() as connection:
                connection.execute(text("INSERT INTO probe VALUES (:n)"), {"n": number})
            done += 1
        return done

    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE probe (n integer)"))
    try:
        began = time.monotonic()
        with ThreadPoolExecutor(PROBES) as pool:
            threading.Timer(PROBE_S, over.set).start()
            done = sum(pool.map(commit, range(PROBES)))
        return done / (time.monotonic() - began)
    finally:
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE probe"))
        engine.dispose()
