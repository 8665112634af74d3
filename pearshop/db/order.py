"""Placing a batch of orders in one transaction. `history` reads them back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy import Connection, text

from pearshop.db import history
from pearshop.db.cart import decode_lines, encode_lines
from pearshop.db.placement import GRANTED, SHARE, Grant
from pearshop.domain.cart import Cart, CartLine, line_id
from pearshop.domain.order import Offer, Order, OrderLine, OrderPlan, plan_order
from pearshop.domain.stock import StockLedger
from pearshop.errors import KeyReused, Refused

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACED = "order.placed"


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """A shopper's wish to order the cart lines `numbers`."""

    user_id: int
    username: str
    key: bytes
    fingerprint: bytes
    numbers: tuple[int, ...]
    delivery_address: str
    expected_total: int | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """An order, and the cart as it is now. `repeated`: the key had placed it before."""

    order: Order
    cart: Cart
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Accepted:
    request: PlaceOrder
    cart: Cart
    plan: OrderPlan


IS_GRANTED = text(f"{SHARE} SELECT {GRANTED}")

LOCK_CARTS = text("""
SELECT user_id, version, next_number, lines FROM carts
WHERE user_id = ANY(CAST(:users AS bigint[])) ORDER BY user_id FOR UPDATE
""")

FIRST_OF_KEYS = text("""
SELECT o.user_id, o.id, o.fingerprint
FROM unnest(CAST(:users AS bigint[]), CAST(:keys AS bytea[])) AS wanted(user_id, key)
JOIN orders o ON o.user_id = wanted.user_id AND o.key = wanted.key
""")

OFFERS = (
    "SELECT id, name, price, stock, hidden FROM products WHERE id = ANY(CAST(:ids AS bigint[]))"
)
READ_OFFERS = text(OFFERS)
LOCK_OFFERS = text(OFFERS + " ORDER BY id FOR NO KEY UPDATE")

TAKE_STOCK = text("""
UPDATE products p SET stock = p.stock - t.taken
FROM unnest(CAST(:ids AS bigint[]), CAST(:taken AS bigint[])) AS t(id, taken) WHERE p.id = t.id
""")

STORE_CARTS = text("""
UPDATE carts c SET version = t.version, lines = t.lines::jsonb, updated_at = now()
FROM unnest(CAST(:users AS bigint[]), CAST(:versions AS bigint[]), CAST(:lines AS text[]))
  AS t(user_id, version, lines)
WHERE c.user_id = t.user_id
""")

NEW_IDS = text("SELECT nextval(pg_get_serial_sequence('orders', 'id')) FROM generate_series(1, :n)")

INSERT_ORDERS = text("""
INSERT INTO orders (id, user_id, delivery_address, total_price, key, fingerprint,
                    created_at, updated_at)
SELECT id, user_id, address, total, key, fingerprint, :now, :now
FROM unnest(CAST(:ids AS bigint[]), CAST(:users AS bigint[]), CAST(:addresses AS text[]),
            CAST(:totals AS bigint[]), CAST(:keys AS bytea[]), CAST(:fingerprints AS bytea[]))
  AS t(id, user_id, address, total, key, fingerprint)
""")

INSERT_LINES = text("""
INSERT INTO order_lines (id, order_id, product_id, quantity, price, product_name,
                         created_at, updated_at)
SELECT * FROM unnest(
  CAST(:ids AS bigint[]), CAST(:orders AS bigint[]), CAST(:products AS bigint[]),
  CAST(:quantities AS int[]), CAST(:prices AS bigint[]), CAST(:names AS text[]),
  CAST(:created AS timestamptz[]), CAST(:updated AS timestamptz[]))
""")

INSERT_EVENTS = text("""
INSERT INTO outbox (topic, subject_id, payload)
SELECT :topic, id, payload::jsonb
FROM unnest(CAST(:ids AS bigint[]), CAST(:payloads AS text[])) AS t(id, payload)
""")


def place(
    connection: Connection, grant: Grant, requests: Sequence[PlaceOrder]
) -> list[Placed | Refused] | None:
    """Place several orders, at most one a user, in the caller's one transaction.

    Returns `None`, and does nothing, when the grant is over.

    Each is decided on the cart and stock rows under lock, in the order given; one that is
    refused leaves its neighbours alone. A key that placed an order before answers with that
    order. Locks are taken carts first, then products, each in id order.
    """
    if not connection.execute(IS_GRANTED, grant.parameters()).scalar_one():
        return None
    carts = _lock_carts(connection, requests)
    answers: dict[int, Placed | Refused] = dict(_repeats(connection, requests, carts))
    fresh = [r for r in requests if r.user_id not in answers]
    offers = _offers(connection, _wanted_products(fresh, carts))
    ledger = StockLedger({offer.product_id: offer.stock for offer in offers.values()})
    accepted: list[_Accepted] = []
    for request in fresh:
        cart = carts.get(request.user_id) or Cart(request.user_id)
        try:
            plan = plan_order(cart, request.numbers, offers, ledger, request.expected_total)
        except Refused as refusal:
            answers[request.user_id] = refusal
        else:
            accepted.append(_Accepted(request, cart, plan))
    if accepted:
        for placed in _store(connection, accepted, offers, ledger):
            answers[placed.cart.user_id] = placed
    return [answers[request.user_id] for request in requests]


def _lock_carts(connection: Connection, requests: Sequence[PlaceOrder]) -> dict[int, Cart]:
    rows = connection.execute(LOCK_CARTS, {"users": [r.user_id for r in requests]})
    return {
        user_id: Cart(user_id, version, next_number, decode_lines(stored))
        for user_id, version, next_number, stored in rows
    }


def _repeats(
    connection: Connection, requests: Sequence[PlaceOrder], carts: dict[int, Cart]
) -> Iterable[tuple[int, Placed | Refused]]:
    """Yield the answers to requests whose key has placed an order before.

    Asked under the cart's lock, so that two runs of one request cannot both find nothing.
    """
    by_user = {r.user_id: r for r in requests}
    rows = connection.execute(
        FIRST_OF_KEYS,
        {"users": list(by_user), "keys": [r.key for r in by_user.values()]},
    ).all()
    for user_id, order_id, fingerprint in rows:
        if bytes(fingerprint) != by_user[user_id].fingerprint:
            yield user_id, key_reused()
        else:
            order = history.get(connection, order_id, user_id)
            yield user_id, Placed(order, carts.get(user_id) or Cart(user_id), repeated=True)


def key_reused() -> KeyReused:
    """Return the refusal of a key that came again with another body."""
    return KeyReused(
        "This Idempotency-Key was used for another request: send a new key.", "key_reused"
    )


def _wanted_products(requests: Sequence[PlaceOrder], carts: dict[int, Cart]) -> set[int]:
    return {
        cart_line.product_id
        for request in requests
        if request.user_id in carts
        for numbers in [frozenset(request.numbers)]
        for cart_line in carts[request.user_id].lines
        if cart_line.number in numbers
    }


def _offers(connection: Connection, ids: set[int]) -> dict[int, Offer]:
    """Return the products as they can be bought now; those that are counted are locked."""
    if not ids:
        return {}
    offers = {row[0]: Offer(*row) for row in connection.execute(READ_OFFERS, {"ids": list(ids)})}
    counted = [offer.product_id for offer in offers.values() if offer.stock is not None]
    if counted:
        rows = connection.execute(LOCK_OFFERS, {"ids": counted})
        offers |= {row[0]: Offer(*row) for row in rows}
    return offers


def _store(
    connection: Connection,
    accepted: Sequence[_Accepted],
    offers: dict[int, Offer],
    ledger: StockLedger,
) -> list[Placed]:
    now = datetime.now(UTC)
    ids = list(connection.execute(NEW_IDS, {"n": len(accepted)}).scalars())
    placed = [
        _placed(order_id, each, offers, now) for order_id, each in zip(ids, accepted, strict=True)
    ]
    _insert_orders(connection, placed, accepted, now)
    _insert_lines(connection, placed)
    if ledger.taken:
        taken = ledger.taken
        connection.execute(TAKE_STOCK, {"ids": list(taken), "taken": list(taken.values())})
    connection.execute(
        STORE_CARTS,
        {
            "users": [p.cart.user_id for p in placed],
            "versions": [p.cart.version for p in placed],
            "lines": [encode_lines(p.cart.lines) for p in placed],
        },
    )
    connection.execute(
        INSERT_EVENTS,
        {
            "topic": PLACED,
            "ids": ids,
            "payloads": [_event(p.order) for p in placed],
        },
    )
    return placed


def _placed(order_id: int, accepted: _Accepted, offers: dict[int, Offer], now: datetime) -> Placed:
    request, cart, plan = accepted.request, accepted.cart, accepted.plan
    sold = tuple(_sold(request.user_id, each, offers[each.product_id], now) for each in plan.lines)
    rest = cart.without(frozenset(each.number for each in plan.lines))
    after = Cart(cart.user_id, cart.version + 1, rest.next_number, rest.lines)
    order = Order(
        order_id,
        request.user_id,
        request.username,
        request.delivery_address,
        plan.total_price,
        sold,
        now,
        now,
    )
    return Placed(order, after)


def _sold(user_id: int, sold: CartLine, offer: Offer, now: datetime) -> OrderLine:
    return OrderLine(
        line_id(user_id, sold.number),
        sold.product_id,
        offer.name,
        offer.price,
        sold.quantity,
        EPOCH + timedelta(microseconds=sold.created_at),
        now,
    )


def _insert_orders(
    connection: Connection, placed: Sequence[Placed], accepted: Sequence[_Accepted], now: datetime
) -> None:
    connection.execute(
        INSERT_ORDERS,
        {
            "ids": [p.order.id for p in placed],
            "users": [p.order.user_id for p in placed],
            "addresses": [p.order.delivery_address for p in placed],
            "totals": [p.order.total_price for p in placed],
            "keys": [a.request.key for a in accepted],
            "fingerprints": [a.request.fingerprint for a in accepted],
            "now": now,
        },
    )


def _insert_lines(connection: Connection, placed: Sequence[Placed]) -> None:
    sold = [(p.order.id, each) for p in placed for each in p.order.lines]
    connection.execute(
        INSERT_LINES,
        {
            "ids": [each.id for _, each in sold],
            "orders": [order_id for order_id, _ in sold],
            "products": [each.product_id for _, each in sold],
            "quantities": [each.quantity for _, each in sold],
            "prices": [each.price for _, each in sold],
            "names": [each.product_name for _, each in sold],
            "created": [each.created_at for _, each in sold],
            "updated": [each.updated_at for _, each in sold],
        },
    )


def _event(order: Order) -> str:
    payload = {
        "order_id": order.id,
        "user_id": order.user_id,
        "total_price": order.total_price,
        "lines": [[x.id, x.product_id, x.quantity, x.price] for x in order.lines],
    }
    return orjson.dumps(payload).decode()
