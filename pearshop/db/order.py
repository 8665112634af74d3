"""Placing a batch of orders in one transaction. `history` reads them back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson
from sqlalchemy import Connection

from pearshop.db import history
from pearshop.db.cart import decode_lines, encode_lines
from pearshop.db.placement import GRANT_TYPES, GRANTED, SHARE, Grant
from pearshop.db.prepared import Prepared
from pearshop.domain.cart import Cart, CartLine, line_id
from pearshop.domain.order import Offer, Order, OrderLine, OrderPlan, plan_order
from pearshop.domain.stock import Left, StockLedger
from pearshop.errors import KeyReused, Refused

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLACED = "order.placed"


class PlaceOrder(NamedTuple):
    """A shopper's wish to order the cart lines `numbers`."""

    user_id: int
    username: str
    key: bytes
    fingerprint: bytes
    numbers: tuple[int, ...]
    delivery_address: str
    expected_total: int | None = None


class Placed(NamedTuple):
    """An order, and the cart as it is now. `repeated`: the key had placed it before.

    `left`: what there is now of its counted products.
    """

    order: Order
    cart: Cart
    left: dict[int, Left]
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Accepted:
    request: PlaceOrder
    cart: Cart
    plan: OrderPlan


LOCK_CARTS = Prepared(
    "lock_carts",
    {"users": "bigint[]", **GRANT_TYPES},
    f"""
WITH locked AS (
  SELECT user_id, version, next_number, lines FROM carts
  WHERE user_id = ANY(:users) ORDER BY user_id FOR UPDATE
)
SELECT {GRANTED}, locked.* FROM (VALUES (1)) AS once LEFT JOIN locked ON true
""",  # noqa: S608 - made of constants
    before=SHARE,
)

BASIS = Prepared(
    "basis_of_orders",
    {"users": "bigint[]", "keys": "bytea[]", "products": "bigint[]"},
    """
WITH counted AS (
  SELECT id, name, price, stock, hidden, updated_at FROM products
  WHERE id = ANY(:products) AND stock IS NOT NULL ORDER BY id FOR NO KEY UPDATE
)
SELECT NULL::bigint, NULL::bigint, NULL::bytea, counted.* FROM counted
UNION ALL
SELECT NULL, NULL, NULL, id, name, price, stock, hidden, updated_at FROM products
WHERE id = ANY(:products) AND NOT EXISTS (SELECT FROM counted WHERE counted.id = products.id)
UNION ALL
SELECT wanted.user_id, o.id, o.fingerprint, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest(:users, :keys) AS wanted(user_id, key)
CROSS JOIN LATERAL (
  SELECT * FROM orders WHERE user_id = wanted.user_id AND key = wanted.key LIMIT 1
) o
""",
)
"""What orders are decided on: products as they can be bought now, those that are counted locked,
and what the keys have placed before."""

STORE = Prepared(
    "store_orders",
    {
        "now": "timestamptz",
        "users": "bigint[]",
        "addresses": "text[]",
        "totals": "bigint[]",
        "keys": "bytea[]",
        "fingerprints": "bytea[]",
        "events": "text[]",
        "versions": "bigint[]",
        "carts": "text[]",
        "lines": "bigint[]",
        "buyers": "bigint[]",
        "products": "bigint[]",
        "quantities": "int[]",
        "prices": "bigint[]",
        "names": "text[]",
        "created": "timestamptz[]",
        "counted": "bigint[]",
        "taken": "bigint[]",
        "topic": "text",
    },
    """
WITH placed AS (
  INSERT INTO orders (user_id, delivery_address, total_price, key, fingerprint,
                      created_at, updated_at)
  SELECT t.*, :now, :now
  FROM unnest(:users, :addresses, :totals, :keys, :fingerprints) AS t
  RETURNING id, user_id
), sold AS (
  INSERT INTO order_lines (id, order_id, product_id, quantity, price, product_name,
                           created_at, updated_at)
  SELECT t.id, placed.id, t.product_id, t.quantity, t.price, t.name, t.created_at, :now
  FROM unnest(:lines, :buyers, :products, :quantities, :prices, :names, :created)
    AS t(id, user_id, product_id, quantity, price, name, created_at)
  JOIN placed USING (user_id)
), taken AS (
  UPDATE products p SET stock = p.stock - t.taken
  FROM unnest(:counted, :taken) AS t(id, taken) WHERE p.id = t.id AND p.id = ANY(:counted)
), left_over AS (
  UPDATE carts c SET version = t.version, lines = t.lines::jsonb, updated_at = now()
  FROM unnest(:users, :versions, :carts) AS t(user_id, version, lines)
  WHERE c.user_id = t.user_id AND c.user_id = ANY(:users)
), told AS (
  INSERT INTO outbox (topic, subject_id, payload)
  SELECT :topic, placed.id, t.payload::jsonb || jsonb_build_object('order_id', placed.id)
  FROM unnest(:users, :events) AS t(user_id, payload) JOIN placed USING (user_id)
  ORDER BY placed.id
)
SELECT user_id, id FROM placed
""",
)
"""Orders get their numbers in the sequence of `users`, each of whom has one."""


def place(
    connection: Connection, grant: Grant, requests: Sequence[PlaceOrder]
) -> list[Placed | Refused] | None:
    """Place several orders, at most one a user, in the caller's one transaction.

    Returns `None`, and does nothing, when the grant is over.

    Each is decided on the cart and stock rows under lock, in the order given; one that is
    refused leaves its neighbours alone. A key that placed an order before answers with that
    order. Locks are taken carts first, then products, each in id order.
    """
    carts = _lock_carts(connection, grant, requests)
    if carts is None:
        return None
    offers, answers = _basis(connection, requests, carts)
    fresh = [r for r in requests if r.user_id not in answers]
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


def _lock_carts(
    connection: Connection, grant: Grant, requests: Sequence[PlaceOrder]
) -> dict[int, Cart] | None:
    """Return the carts, locked; `None` when the grant is over."""
    wanted = {"users": [r.user_id for r in requests], **grant.parameters()}
    rows = LOCK_CARTS.execute(connection, wanted).all()
    if not rows[0][0]:
        return None
    return {
        user_id: Cart(user_id, version, next_number, decode_lines(stored))
        for _, user_id, version, next_number, stored in rows
        if user_id is not None
    }


def _basis(
    connection: Connection, requests: Sequence[PlaceOrder], carts: dict[int, Cart]
) -> tuple[dict[int, Offer], dict[int, Placed | Refused]]:
    """Return the products as they can be bought now, those that are counted locked.

    And the answers to requests whose key has placed an order before. Asked under the cart's lock,
    so that two runs of one request cannot both find nothing.
    """
    by_user = {r.user_id: r for r in requests}
    wanted = {
        "users": list(by_user),
        "keys": [r.key for r in by_user.values()],
        "products": list(_wanted_products(requests, carts)),
    }
    offers: dict[int, Offer] = {}
    answers: dict[int, Placed | Refused] = {}
    for user_id, order_id, fingerprint, *offer in BASIS.execute(connection, wanted).all():
        if user_id is None:
            offers[offer[0]] = Offer(*offer)
        elif bytes(fingerprint) != by_user[user_id].fingerprint:
            answers[user_id] = key_reused()
        else:
            order = history.get(connection, order_id, user_id)
            cart = carts.get(user_id) or Cart(user_id)
            answers[user_id] = Placed(order, cart, {}, repeated=True)
    return offers, answers


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


def _store(
    connection: Connection,
    accepted: Sequence[_Accepted],
    offers: dict[int, Offer],
    ledger: StockLedger,
) -> list[Placed]:
    now = datetime.now(UTC)
    left = {each: Left(n, offers[each].updated_at) for each, n in ledger.left.items()}
    placed = [_placed(each, offers, left, now) for each in accepted]
    sold = [(p.order.user_id, each) for p in placed for each in p.order.lines]
    rows = STORE.execute(
        connection,
        {
            "now": now,
            "users": [p.order.user_id for p in placed],
            "addresses": [p.order.delivery_address for p in placed],
            "totals": [p.order.total_price for p in placed],
            "keys": [a.request.key for a in accepted],
            "fingerprints": [a.request.fingerprint for a in accepted],
            "events": [_event(p.order) for p in placed],
            "versions": [p.cart.version for p in placed],
            "carts": [encode_lines(p.cart.lines) for p in placed],
            "lines": [each.id for _, each in sold],
            "buyers": [user_id for user_id, _ in sold],
            "products": [each.product_id for _, each in sold],
            "quantities": [each.quantity for _, each in sold],
            "prices": [each.price for _, each in sold],
            "names": [each.product_name for _, each in sold],
            "created": [each.created_at for _, each in sold],
            "counted": list(ledger.taken),
            "taken": list(ledger.taken.values()),
            "topic": PLACED,
        },
    )
    ids = {row[0]: row[1] for row in rows}
    return [p._replace(order=p.order._replace(id=ids[p.order.user_id])) for p in placed]


def _placed(
    accepted: _Accepted,
    offers: dict[int, Offer],
    left: dict[int, Left],
    now: datetime,
) -> Placed:
    """Return what storing an order will come to; until then its number is 0."""
    request, cart, plan = accepted.request, accepted.cart, accepted.plan
    sold = tuple(_sold(request.user_id, each, offers[each.product_id], now) for each in plan.lines)
    rest = cart.without(frozenset(each.number for each in plan.lines))
    after = Cart(cart.user_id, cart.version + 1, rest.next_number, rest.lines)
    order = Order(
        0,
        request.user_id,
        request.username,
        request.delivery_address,
        plan.total_price,
        sold,
        now,
        now,
    )
    mine = {each.product_id: left[each.product_id] for each in sold if each.product_id in left}
    return Placed(order, after, mine)


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


def _event(order: Order) -> str:
    payload = {
        "user_id": order.user_id,
        "total_price": order.total_price,
        "lines": [[x.id, x.product_id, x.quantity, x.price] for x in order.lines],
    }
    return orjson.dumps(payload).decode()
