"""What the same request costs as a shop grows: products, past orders, hot carts.

For each, a small and a large shop are asked in turn, over one connection each; medians are
compared. The shops with many products have no caches (see `loadtests.growth`).
"""

import itertools
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from loadtests import growth as catalogue
from loadtests.accounts import Wallet, make_shoppers
from loadtests.scenarios import hot_carts, past_orders
from loadtests.scenarios.result import Options, Result, Row
from loadtests.scenarios.stock import fill_carts, stocked
from loadtests.scenarios.turns import Ask, Caller, Place, in_turn, row
from loadtests.scenarios.wrk import Wish, once
from loadtests.shop import engine_of, own_shop
from pearshop.domain.user import User

AT_MOST = 1.5
PRODUCTS, ORDERS, CARTS = (1_000, 200_000), (11, 1_000_000), (10, 100_000)
QUICK_PRODUCTS, QUICK_ORDERS, QUICK_CARTS = (1_000, 5_000), (11, 20_000), (10, 5_000)
ASKED = 10
"""Carts that are asked for in turn, in the small shop and in the large one."""
LINES = 5


def measure(options: Options) -> Result:
    """Measure the three, one after the other."""
    rounds, requests = options.pick(3, 2), options.pick(150, 40)
    parts = [
        _products(QUICK_PRODUCTS if options.quick else PRODUCTS, rounds, requests),
        _places("past orders", QUICK_ORDERS if options.quick else ORDERS, rounds, requests),
        _places("hot carts", QUICK_CARTS if options.quick else CARTS, rounds, requests),
    ]
    return Result([each for each, _ in parts], [each for _, some in parts for each in some])


def _products(sizes: tuple[int, int], rounds: int, requests: int) -> tuple[Row, list[str]]:
    with ExitStack() as stack:
        small, large = (stack.enter_context(catalogue.subject_of(size)) for size in sizes)
        catalogue.in_turn([small, large], rounds, requests)
        wrong = small.wrong + large.wrong
    problems = [f"{wrong} wrong answers about products"] if wrong else []
    return row("products", sizes, (small.took, large.took), AT_MOST), problems


def _places(what: str, sizes: tuple[int, int], rounds: int, requests: int) -> tuple[Row, list[str]]:
    run = {"past orders": past_orders.place, "hot carts": _with_carts}[what]
    with ExitStack() as stack:
        small, large = (stack.enter_context(run(size)) for size in sizes)
        in_turn([small, large], rounds, requests)
    return row(what, sizes, (small.took, large.took), AT_MOST), small.problems + large.problems


@contextmanager
def _with_carts(size: int) -> Iterator[Place]:
    """Run a shop with so many hot carts in one host."""
    with tempfile.TemporaryDirectory() as name, own_shop(Path(name), hot_carts.SETTINGS) as run:
        engine, chance = engine_of(run), random.Random(1)
        products = [each.id for each in stocked(engine, 1_000)]
        shoppers, wallet = make_shoppers(engine, size), Wallet(Path(name))
        fill_carts(engine, ((each.id, chance.sample(products, LINES)) for each in shoppers))
        missing = 0
        for start in range(0, size, hot_carts.BATCH):
            some = shoppers[start : start + hot_carts.BATCH]
            reads = [Wish("GET", "/api/order-item/", wallet.token(each)) for each in some]
            opened = once(run.api_url, reads, hot_carts.CONNECTIONS)
            missing += len(some) - sum(each.quantities == LINES for each in opened)
        caller = Caller(run.api_url)
        asked = shoppers[:: max(1, size // ASKED)][:ASKED]
        place = Place(size, caller, _cart_asks(caller, wallet, asked))
        place.problems += [f"{missing} carts could not be opened"] * bool(missing)
        yield place
        caller.close()


def _cart_asks(caller: Caller, wallet: Wallet, shoppers: Sequence[User]) -> dict[str, Ask]:
    turns = itertools.cycle(shoppers)
    held: dict[int, dict[int, int]] = {}
    """What each cart is known to hold: pieces by product."""

    def read() -> tuple[float, str]:
        user = next(turns)
        status, lines, ms = caller.call(wallet.token(user), "GET", "/api/order-item/")
        if status != 200 or len(lines) != LINES:
            return ms, f"{status} {lines}"[:200]
        shown = {line["product"]["id"]: line["quantity"] for line in lines}
        return ms, "" if held.setdefault(user.id, shown) == shown else f"{shown}, not {held}"[:200]

    def add() -> tuple[float, str]:
        user = next(turns)
        if user.id not in held:
            lines = caller.call(wallet.token(user), "GET", "/api/order-item/")[1]
            held[user.id] = {line["product"]["id"]: line["quantity"] for line in lines}
        product = next(iter(held[user.id]))
        wish = {"product_id": product, "quantity": 1}
        status, line, ms = caller.call(wallet.token(user), "POST", "/api/order-item/", wish)
        held[user.id][product] += 1
        right = status == 201 and line["quantity"] == held[user.id][product]
        return ms, "" if right else f"{status} {line}"[:200]

    return {"add to a cart": add, "read a cart": read}
