"""A shop with many past orders, put there by SQL, and what is asked of it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from loadtests.accounts import Wallet, make_shoppers
from loadtests.scenarios.stock import staff, stocked, vacuum
from loadtests.scenarios.turns import Ask, Caller, Place
from loadtests.shop import engine_of, own_shop
from pearshop.domain.cart import MAX_NUMBER
from pearshop.domain.user import User

PRODUCTS, OTHERS = 1_000, 10_000
PAGE = 10
MANY = 10_000
"""Orders of one shopper, a hundredth of all if that is more than a page."""

INSERT_ORDERS = text("""
INSERT INTO orders (user_id, delivery_address, total_price, key, fingerprint,
                    created_at, updated_at)
SELECT CASE WHEN n <= :many THEN :regular WHEN n = :many + 1 THEN :newcomer
       ELSE (CAST(:others AS bigint[]))[1 + n % :count_of_others] END,
       '1 Orchard Lane', 750, int8send(n), '\\x00', at, at
FROM generate_series(1, :count) n,
LATERAL (SELECT now() - (:count - n) * :apart AS at) t
""")
INSERT_LINES = text("""
INSERT INTO order_lines (id, order_id, product_id, quantity, price, product_name,
                         created_at, updated_at)
SELECT o.user_id << 24 | (:last - 3 * o.id - j), o.id,
       (CAST(:products AS bigint[]))[1 + (o.id * 7 + j * 13) % :count_of_products],
       1, 250, 'Pear', o.created_at, o.created_at
FROM orders o, generate_series(1, 3) j
""")
INSERT_EVENTS = text("""
INSERT INTO outbox (topic, subject_id, payload, sent_at)
SELECT 'order.placed', id, '{}', created_at FROM orders
""")


@contextmanager
def place(size: int) -> Iterator[Place]:
    """Run a shop with so many past orders of three lines."""
    with tempfile.TemporaryDirectory() as name, own_shop(Path(name), {}) as run:
        engine = engine_of(run)
        products = [each.id for each in stocked(engine, PRODUCTS)]
        shoppers = make_shoppers(engine, OTHERS + 3)
        fill(engine, size, shoppers[:-1], products)
        caller = Caller(run.api_url)
        wallet, clerk = Wallet(Path(name)), staff(engine)
        yield Place(size, caller, _asks(caller, wallet, clerk, shoppers, products[0]))
        caller.close()


def many_of(size: int) -> int:
    """Return how many of all orders are one shopper's. Pure."""
    return max(PAGE, min(MANY, size // 100))


def fill(
    engine: Engine,
    size: int,
    shoppers: list[User],
    products: list[int],
    apart: timedelta = timedelta(seconds=1),
) -> None:
    """Put orders of three lines each there, the last one now, the others so far apart."""
    regular, newcomer, *others = (each.id for each in shoppers)
    values: dict[str, object] = {
        "count": size,
        "apart": apart,
        "many": many_of(size),
        "regular": regular,
        "newcomer": newcomer,
        "others": others,
        "count_of_others": len(others),
        # From the other end than the numbers of lines that are yet to be ordered.
        "last": MAX_NUMBER,
        "products": products,
        "count_of_products": len(products),
    }
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        # What refers to what is known to be there; to look it up for each row takes minutes.
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for statement in (INSERT_ORDERS, INSERT_LINES, INSERT_EVENTS):
            connection.execute(statement, values)
    vacuum(engine, "orders", "order_lines", "outbox")


def _asks(
    caller: Caller, wallet: Wallet, clerk: User, shoppers: list[User], product: int
) -> dict[str, Ask]:
    regular, newcomer, buyer = shoppers[0], shoppers[1], shoppers[-1]

    def history(user: User, expected: int) -> tuple[float, str]:
        path = f"/api/order/?limit={PAGE}"
        status, page, ms = caller.call(wallet.token(user), "GET", path)
        return ms, "" if status == 200 and is_page(page, expected) else f"{status} {page}"[:200]

    def one() -> tuple[float, str]:
        found = caller.call(wallet.token(newcomer), "GET", "/api/order/?limit=1&fields=id")[1]
        wanted = found[0]["id"] if found else 0
        path = f"/api/order/{wanted}/"
        status, order, ms = caller.call(wallet.token(newcomer), "GET", path)
        return ms, "" if status == 200 and is_page([order], 1) else f"{status} {order}"[:200]

    def order() -> tuple[float, str]:
        token, added = wallet.token(buyer), {"product_id": product, "quantity": 1}
        _, line, _ = caller.call(token, "POST", "/api/order-item/", added)
        wish = {"delivery_address": "1 Orchard Lane", "order_item_ids": [line["id"]]}
        status, placed, ms = caller.call(token, "POST", "/api/order/", wish)
        right = status == 201 and [each["id"] for each in placed["order_items"]] == [line["id"]]
        return ms, "" if right else f"{status} {placed}"[:200]

    return {
        "history of many orders, first page": lambda: history(regular, PAGE),
        "history of one order": lambda: history(newcomer, 1),
        "one past order": one,
        "an order placed": order,
        "staff: all orders, first page": lambda: history(clerk, PAGE),
    }


def is_page(page: object, expected: int) -> bool:
    """Return whether that are so many orders, newest first, whose totals are their lines'. Pure."""
    if not isinstance(page, list) or len(page) != expected:
        return False
    ids = [each["id"] for each in page]
    return ids == sorted(ids, reverse=True) and all(
        each["order_items"]
        and each["total_price"] == sum(line["total_price"] for line in each["order_items"])
        for each in page
    )
