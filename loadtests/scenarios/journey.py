"""Shoppers' journeys, offered at a fixed rate to the Ray Serve ingress.

The mix is that of `loadtests/users/shopper.py`, and like those shoppers these are signed in
wherever they look; products are wanted by Zipf's law. Requests have their times, whatever the
answers take; one of 128 connections that is free sends each. An answer's time counts from when its
request was due, so waiting for a free connection counts, too (nothing is omitted).
"""

import tempfile
from pathlib import Path

from loadtests.accounts import Wallet, make_shoppers
from loadtests.scenarios.audit import compare, held
from loadtests.scenarios.result import Figure, Options, Result, Row
from loadtests.scenarios.stock import begun_carts, stocked
from loadtests.scenarios.visits import Crowd, Visits
from loadtests.shop import engine_of, own_shop

MIX = {
    "browse": 30,
    "search": 15,
    "view": 35,
    "add": 12,
    "change": 3,
    "cart": 2,
    "order": 3,
    "history": 2,
}
RATE, SECONDS, WARM_UP_S = 1_000.0, 600, 20
CONNECTIONS, SHOPPERS, PRODUCTS = 128, 2_560, 1_000
MOST_MS = 150.0


def measure(options: Options) -> Result:
    """Warm a shop up with some shoppers, then offer the load with others."""
    seconds = options.pick(SECONDS, 15)
    with tempfile.TemporaryDirectory() as folder, own_shop(Path(folder), {}) as run:
        engine = engine_of(run)
        products = stocked(engine, PRODUCTS)
        shoppers, wallet = make_shoppers(engine, 2 * SHOPPERS), Wallet(Path(folder))
        first, others = shoppers[:SHOPPERS], shoppers[SHOPPERS:]
        carts = begun_carts(engine, others, products)
        crowd = Crowd(products, carts, MIX, CONNECTIONS)
        warm = crowd.visit(run.api_url, wallet, first, options.pick(WARM_UP_S, 8), RATE / 2)
        visits = crowd.visit(run.api_url, wallet, others, seconds, RATE)
        database = held(engine, list(carts))
    problems = [*warm.wrong, *visits.wrong, *compare(visits, carts, database)]
    return Result([row(visits, len(problems))], problems)


def row(visits: Visits, problems: int) -> Row:
    """Return what was reached. Pure."""
    figures: dict[str, Figure] = {
        "offered/s": RATE,
        "connections": CONNECTIONS,
        "shoppers": SHOPPERS,
        "products": PRODUCTS,
        "problems": problems,
        **visits.figures(),
    }
    rate, p99, errors = figures["goodput/s"], figures["all: p99 ms"], visits.errors()
    assert not isinstance(rate, str)
    assert not isinstance(p99, str)
    return Row(
        f"journey mix at the ingress, {visits.seconds:,.0f} s",
        "1,000 requests/s, p99 below 150 ms, no error",
        f"{rate:,.0f} good answers/s, p99 {p99:,.0f} ms, {errors:,} errors",
        # The last requests are due up to a gap before the end.
        rate >= 0.99 * RATE and p99 < MOST_MS and not errors and not problems,
        figures,
    )
