"""What the public sends, through nginx as deploy/nginx configures it.

97 of 100 requests read the catalogue without a token, and may come from nginx' cache; three change
carts or place orders. Products, words and categories are wanted by Zipf's law, out of 1,000
products and 60 categories. Requests have their times, whatever the answers take; one of 32
connections that is free sends each, and an answer's time counts from when its request was due. The
edge may show the catalogue for 10 s, as docs/edge.md has it for a busy shop. Meanwhile staff change
a price a second, those of wanted products most; half of the orders name the total they expect.

Every line of every order was charged at a price that was in force between the order's request and
its answer (see `prices`), and who was refused for a changed price had seen another one.
"""

import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from loadtests import nginx
from loadtests.accounts import Wallet, make_shoppers
from loadtests.scenarios.audit import compare, held
from loadtests.scenarios.prices import Clerk, History, ages, changes, mischarged
from loadtests.scenarios.result import Figure, Options, Result, Row
from loadtests.scenarios.stock import begun_carts, staff, stocked
from loadtests.scenarios.visits import Crowd, Visits
from loadtests.shop import engine_of, own_shop

MIX = {
    "view": 50,
    "category": 20,
    "search": 15,
    "first": 12,
    "add": 2,
    "change": 0.4,
    "order": 0.6,
}
SECONDS, WARM_UP_S = 60, 10
CONNECTIONS, SHOPPERS, PRODUCTS = 32, 2_560, 1_000
WARY = 0.5
EDGE = {"PEARSHOP_CATALOGUE_PUBLIC_SECONDS": "10"}
NGINX = {
    "http.conf": {
        **nginx.NO_LIMITS["http.conf"],
        "add_header X-Cache $upstream_cache_status always;": "add_header X-Cache "
        "$upstream_cache_status always; add_header X-Request-ID $http_x_request_id always;",
    }
}
"""Cached answers repeat the id of their request, too, for `shopper.lua` goes by that."""
RATE, MOST_MS = 10_000.0, 50.0


def measure(options: Options) -> Result:
    """Warm shop and cache up with some shoppers, then load them by others."""
    nginx.program()
    with tempfile.TemporaryDirectory() as name, own_shop(Path(name) / "shop", EDGE) as run:
        engine = engine_of(run)
        products = stocked(engine, PRODUCTS)
        shoppers, wallet = make_shoppers(engine, 2 * SHOPPERS), Wallet(Path(name) / "shop")
        first, others = shoppers[:SHOPPERS], shoppers[SHOPPERS:]
        carts = begun_carts(engine, others, products)
        crowd = Crowd(products, carts, MIX, CONNECTIONS, WARY, signed=False)
        upstream = run.api_url.removeprefix("http://")
        clerk = Clerk(run.api_url, wallet, staff(engine), products)
        with nginx.running(Path(name) / "nginx", upstream, NGINX) as url:
            warm = crowd.visit(url, wallet, first, options.pick(WARM_UP_S, 5), RATE / 2)
            with clerk.changing() as history:
                visits = crowd.visit(url, wallet, others, options.pick(SECONDS, 10), RATE)
        database = held(engine, list(carts))
    shown, never = ages(visits.answers, history)
    wrongly = [*mischarged(visits.answers, history), *never]
    differs = compare(visits, carts, database)
    problems = [*warm.wrong, *visits.wrong, *history.problems, *wrongly, *differs]
    more: dict[str, Figure] = {"orders mischarged": len(wrongly), "problems": len(problems)}
    return Result([row(visits, history, shown, more)], problems)


def row(visits: Visits, history: History, shown: list[float], more: Mapping[str, Figure]) -> Row:
    """Return what was reached. Pure."""
    caches = Counter(each.cache for each in visits.answers if each.cache != "-")
    cached = caches.total() or 1
    orders = [each for each in visits.answers if each.kind == "order"]
    figures: dict[str, Figure] = {
        "offered/s": RATE,
        "connections": CONNECTIONS,
        "products": PRODUCTS,
        "prices changed": changes(history.of),
        "orders placed": sum(each.status == 201 for each in orders),
        "orders refused, price changed": sum(each.status == 409 for each in orders),
        "product shown at a replaced price, at most, ms after": round(max(shown, default=0), 1),
        **more,
        **{f"cache: {name}": round(n / cached, 4) for name, n in caches.most_common()},
        **visits.figures(),
    }
    rate, p99, errors = figures["goodput/s"], figures["all: p99 ms"], visits.errors()
    assert not isinstance(rate, str)
    assert not isinstance(p99, str)
    return Row(
        "public mix through nginx (97 % catalogue reads)",
        "10,000 requests/s, p99 below 50 ms, no stale price at checkout",
        f"{rate:,.0f}/s, p99 {p99:,.0f} ms, {more['orders mischarged']} orders mischarged, "
        f"{errors:,} errors",
        # The last requests are due up to a gap before the end.
        rate >= 0.99 * RATE and p99 < MOST_MS and not errors and not more["problems"],
        figures,
    )
