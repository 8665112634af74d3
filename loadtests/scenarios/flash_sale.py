"""A flash sale: everybody orders the one piece in the cart at once, and there are few pieces.

Each shopper has the cart opened beforehand, as one who waits for a sale does. `wrk` sends each
shopper's order once, 128 at a time. What is fair is checked from outside, on one clock:

- who sent an order after another's refusal had been answered gets nothing, for then nothing was
  left;
- who was answered before another had sent has the smaller order id.

An order that was on its way at the same time as another may be decided before or after it; how far
one that was refused had been sent before one that won is told, not judged.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
from sqlalchemy import Engine, text

from loadtests.accounts import Wallet, make_shoppers
from loadtests.result import percentiles
from loadtests.scenarios.result import Figure, Options, Result, Row
from loadtests.scenarios.stock import cart_line, fill_carts, make_product
from loadtests.scenarios.wrk import Got, Wish, once
from loadtests.shop import engine_of, own_shop
from pearshop.domain.user import User

SHOPPERS, UNITS, CONNECTIONS = 5_000, 500, 128
WARM_UP = 500
"""Orders of something else before: a sale comes to a shop that is in business."""
LEAST = 500
"""Decided orders a second."""

STORED = text("""
SELECT o.id, o.user_id, sum(l.quantity) FROM orders o JOIN order_lines l ON l.order_id = o.id
WHERE l.product_id = :product GROUP BY o.id
""")
LEFT = text("SELECT stock FROM products WHERE id = :product")
UNSOLD = text("""
SELECT count(*) FROM carts, jsonb_array_elements(lines) line WHERE (line->>1)::bigint = :product
""")


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database holds afterwards: stock, `(id, user, pieces)` of orders, lines in carts."""

    left: int
    orders: Sequence[tuple[int, int, int]]
    in_carts: int


def measure(options: Options) -> Result:
    """Prepare, sell, and compare."""
    count, units = options.pick(SHOPPERS, 1_000), options.pick(UNITS, 100)
    with tempfile.TemporaryDirectory() as folder, own_shop(Path(folder), {}) as run:
        engine = engine_of(run)
        product = make_product(engine, "Flash pear", 5, units)
        earlier = make_product(engine, "Earlier pear", 5, WARM_UP)
        everybody = make_shoppers(engine, WARM_UP + count)
        before, shoppers = everybody[:WARM_UP], everybody[WARM_UP:]
        fill_carts(engine, [(each.id, [earlier]) for each in before])
        fill_carts(engine, [(each.id, [product]) for each in shoppers])
        wallet = Wallet(Path(folder))
        once(run.api_url, [_order(each, wallet) for each in before], CONNECTIONS, 120)
        reads = [Wish("GET", "/api/order-item/", wallet.token(each)) for each in shoppers]
        opened = once(run.api_url, reads, 32)
        wishes = [_order(each, wallet) for each in shoppers]
        sold = once(run.api_url, wishes, CONNECTIONS, 120)
        stored = _stored(engine, product)
    problems = [
        *unopened(opened, shoppers),
        *wrong(sold, count, units),
        *unfair(sold),
        *unstored(sold, shoppers, stored, units),
    ]
    return Result([row(sold, count, units, problems)], problems)


def _order(shopper: User, wallet: Wallet) -> Wish:
    body = {
        "delivery_address": "1 Orchard Lane",
        "order_item_ids": [cart_line(shopper.id)],
        "expected_total_price": 5,
    }
    key, text_ = f"flash-{shopper.id}", orjson.dumps(body).decode()
    return Wish("POST", "/api/order/", wallet.token(shopper), key, text_)


def _stored(engine: Engine, product: int) -> Stored:
    of = {"product": product}
    with engine.connect() as connection:
        orders = [(row[0], row[1], row[2]) for row in connection.execute(STORED, of)]
        left, in_carts = (connection.execute(each, of).scalar_one() for each in (LEFT, UNSOLD))
        return Stored(left, orders, in_carts)


def unopened(opened: Sequence[Got], shoppers: Sequence[User]) -> list[str]:
    """Return which carts did not show their one line. Pure."""
    return [
        f"cart of shopper {got.number}: {got.status} with {got.quantities} lines"
        for got in opened
        if (got.status, got.first_id) != (200, cart_line(shoppers[got.number].id))
        or got.quantities != 1
    ] + ([] if len(opened) == len(shoppers) else ["not every cart could be opened"])


def wrong(sold: Sequence[Got], count: int, units: int) -> list[str]:
    """Return what is wrong with the answers. Pure."""
    found = [
        f"order of shopper {got.number}: {got.status} {got.code}"
        for got in sold
        if got.status != 201 and (got.status, got.code) != (409, "out_of_stock")
    ]
    won = [got for got in sold if got.status == 201]
    if len(won) != min(units, count):
        found.append(f"{len(won)} orders of {units} units were acknowledged")
    if len({got.first_id for got in won}) != len(won):
        found.append("one order id was given to two shoppers")
    if len({got.number for got in sold}) != count:
        found.append(f"{len({got.number for got in sold})} of {count} shoppers had an answer")
    return found


def unfair(sold: Sequence[Got]) -> list[str]:
    """Return who got something out of turn. Pure."""
    won = sorted((got for got in sold if got.status == 201), key=lambda got: got.sent)
    over = min((got.answered for got in sold if got.status == 409), default=float("inf"))
    late = [
        f"shopper {got.number} won {got.sent - over:.1f} ms after a refusal had been answered"
        for got in won
        if got.sent > over
    ]
    # In order of sending, with the largest id among those that had been answered by then.
    answered = sorted(won, key=lambda got: got.answered)
    largest = seen = 0
    for got in won:
        while seen < len(answered) and answered[seen].answered < got.sent:
            largest = max(largest, answered[seen].first_id or 0)
            seen += 1
        if (got.first_id or 0) < largest:
            late.append(f"order {got.first_id} was sent after {largest} had been answered")
    return late


def unstored(
    sold: Sequence[Got], shoppers: Sequence[User], stored: Stored, units: int
) -> list[str]:
    """Return in what the database differs from the answers. Pure."""
    told = {(got.first_id, shoppers[got.number].id) for got in sold if got.status == 201}
    held = {(order, user) for order, user, _ in stored.orders}
    pieces = sum(each for _, _, each in stored.orders)
    found = [
        f"order {order} of user {user} is lost" for order, user in sorted(told - held, key=str)
    ]
    found += [f"order {order} of user {user} was not told" for order, user in sorted(held - told)]
    if len({user for _, user, _ in stored.orders}) != len(stored.orders):
        found.append("a shopper has two orders")
    if stored.left != units - pieces or pieces > units:
        found.append(f"{pieces} of {units} are sold, {stored.left} left")
    if stored.in_carts != len(shoppers) - len(stored.orders):
        found.append(f"{stored.in_carts} pieces are left in {len(shoppers)} carts")
    return found


def overtaken(sold: Sequence[Got]) -> list[float]:
    """Return how long (ms) before the last winner each loser that was overtaken had sent. Pure."""
    last = max((got.sent for got in sold if got.status == 201), default=0.0)
    return [last - got.sent for got in sold if got.status == 409 and got.sent < last]


def row(sold: Sequence[Got], count: int, units: int, problems: Sequence[str]) -> Row:
    """Return what was reached. Pure."""
    began = min((got.sent for got in sold), default=0.0)
    seconds = (max((got.answered for got in sold), default=1.0) - began) / 1e3
    won = [got for got in sold if got.status == 201]
    decided = [got for got in sold if got.status in {201, 409}]
    rate = len(decided) / seconds
    selling = (max((got.answered for got in won), default=began) - began) / 1e3
    p50, p95, p99 = percentiles([got.ms for got in decided])
    before = overtaken(sold)
    figures: dict[str, Figure] = {
        "shoppers": count,
        "units": units,
        "orders at a time": CONNECTIONS,
        "sold": len(won),
        "refused, out of stock": len(decided) - len(won),
        "seconds until the last answer": round(seconds, 3),
        "decided orders/s": round(rate, 1),
        "seconds until all units were sold": round(selling, 3),
        "sold/s until then": round(len(won) / selling, 1) if selling else 0,
        "order p50 ms": round(p50, 1),
        "order p95 ms": round(p95, 1),
        "order p99 ms": round(p99, 1),
        "refused though sent before the last winner": len(before),
        "so long before, at most, ms": round(max(before, default=0.0), 1),
        "problems": len(problems),
    }
    return Row(
        f"flash sale: {count:,} shoppers, one product, {units:,} units",
        f"exactly {units:,} sold, 500 decided orders/s, fair to within the arrival order",
        f"{len(won):,} sold, {rate:,.0f} decided orders/s, {len(problems)} problems",
        rate >= LEAST and not problems,
        figures,
    )
