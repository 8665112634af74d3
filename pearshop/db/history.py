"""Orders as they were placed: read back, listed, counted.

A page of orders is one statement, their lines included.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by

from pearshop.db.cart import count_lines as count_lines_in_carts
from pearshop.db.cart import lines_of_all
from pearshop.db.execute import read_only, single_statement
from pearshop.db.tables import order_events, order_lines, orders, users
from pearshop.db.user import begins_with
from pearshop.domain.cart import CartLine
from pearshop.domain.fulfilment import Status
from pearshop.domain.order import Order, OrderEvent, OrderLine
from pearshop.errors import NotFound


@read_only
def get(connection: Connection, order_id: int, user_id: int | None) -> Order:
    """Return an order; with `user_id`, only that user's. Raises `NotFound`."""
    found = _read(connection, orders.c.id == order_id, 1)
    if not found or (user_id is not None and found[0].user_id != user_id):
        raise unknown_order()
    return found[0]


def unknown_order() -> NotFound:
    """Return the refusal for an id that names no order of theirs."""
    return NotFound("There is no such order.", "order_unknown")


class Wanted(NamedTuple):
    """Which orders are wanted; `None`: any. `until` is a time before which they were placed.

    `search` is an order's number, or the beginning of a username.
    """

    user_id: int | None = None
    status: Status | None = None
    since: datetime | None = None
    until: datetime | None = None
    product_id: int | None = None
    search: str = ""


@read_only
def page(
    connection: Connection,
    wanted: Wanted,
    limit: int,
    before: int | None = None,
    offset: int = 0,
) -> list[Order]:
    """Return up to `limit` of the orders, newest first.

    `before` is the id of the last order of the page before; `offset` skips that many instead.
    """
    conditions = _conditions(wanted)
    if before is not None:
        conditions.append(orders.c.id < before)
    return _read(connection, and_(true(), *conditions), limit, offset)


@read_only
def count(connection: Connection, wanted: Wanted) -> int:
    """Return how many such orders there are."""
    query = select(func.count()).select_from(orders).where(*_conditions(wanted))
    number: int = connection.execute(query).scalar_one()
    return number


@single_statement
def lines(
    connection: Connection, limit: int, before: int | None
) -> list[tuple[int, str, OrderLine]]:
    """Return up to `limit` ordered lines of all users, `(user_id, username, line)`, as above."""
    query = (
        select(orders.c.user_id, users.c.username, *_LINE)
        .join_from(order_lines, orders, order_lines.c.order_id == orders.c.id)
        .join(users, users.c.id == orders.c.user_id)
        .order_by(order_lines.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(order_lines.c.id < before)
    return [(row[0], row[1], OrderLine(*row[2:])) for row in connection.execute(query)]


@single_statement
def count_lines(connection: Connection) -> int:
    """Return how many lines all orders have."""
    query = select(func.count()).select_from(order_lines)
    number: int = connection.execute(query).scalar_one()
    return number


@read_only
def lines_everywhere(
    connection: Connection, limit: int, before: int | None
) -> tuple[list[tuple[int, str, CartLine]], list[tuple[int, str, OrderLine]]]:
    """Return up to `limit` lines of carts and as many of orders, `(user_id, username, line)`.

    Both from one server, carts first: a line that is ordered meanwhile is in both, never in none.
    """
    return lines_of_all(connection, limit, before), lines(connection, limit, before)


@read_only
def count_lines_everywhere(connection: Connection) -> int:
    """Return how many lines all carts and all orders have together."""
    return count_lines_in_carts(connection) + count_lines(connection)


@read_only
def line(connection: Connection, identity: int) -> tuple[int, str, OrderLine]:
    """Return one ordered line, `(user_id, username, line)`. Raises `NotFound`."""
    found = lines(connection, 1, identity + 1)
    if not found or found[0][2].id != identity:
        raise NotFound("There is no such line.", "line_unknown")
    return found[0]


_LINE = (
    order_lines.c.id,
    order_lines.c.product_id,
    order_lines.c.product_name,
    order_lines.c.price,
    order_lines.c.quantity,
    order_lines.c.created_at,
    order_lines.c.updated_at,
)


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.user_id is not None:
        conditions.append(orders.c.user_id == wanted.user_id)
    if wanted.status is not None:
        conditions.append(orders.c.status == wanted.status)
    if wanted.since is not None:
        conditions.append(orders.c.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(orders.c.created_at < wanted.until)
    if wanted.product_id is not None:
        of = select(order_lines.c.order_id).where(order_lines.c.product_id == wanted.product_id)
        conditions.append(orders.c.id.in_(of))
    if search := wanted.search.strip():
        conditions.append(_sought(search))
    return conditions


def _sought(search: str) -> ColumnElement[bool]:
    named = select(users.c.id).where(begins_with(search))
    by_name = orders.c.user_id.in_(named)
    number = search.removeprefix("#")
    if number.isascii() and number.isdecimal() and int(number) < 1 << 63:
        return or_(orders.c.id == int(number), by_name)
    return by_name


EVENTS = case(
    (
        orders.c.status != Status.PLACED,
        select(
            func.jsonb_agg(
                aggregate_order_by(
                    func.jsonb_build_array(order_events.c.status, order_events.c.created_at),
                    order_events.c.id,
                )
            )
        )
        .where(order_events.c.order_id == orders.c.id)
        .correlate(orders)
        .scalar_subquery(),
    )
).label("events")
"""What happened after an order was placed; of most nothing has, and nothing is looked up."""


def _event(stored: Sequence[str]) -> OrderEvent:
    return OrderEvent(Status(stored[0]), datetime.fromisoformat(stored[1]))


def _read(
    connection: Connection, condition: ColumnElement[bool], limit: int, offset: int = 0
) -> list[Order]:
    """Return orders with their lines, newest first, in one statement."""
    newest = select(orders, EVENTS).where(condition).order_by(orders.c.id.desc())
    chosen = newest.limit(limit).offset(offset or None).subquery()
    query = (
        select(
            chosen.c.id,
            chosen.c.user_id,
            users.c.username,
            chosen.c.delivery_address,
            chosen.c.total_price,
            chosen.c.created_at,
            chosen.c.updated_at,
            chosen.c.status,
            chosen.c.events,
            *_LINE,
        )
        .join_from(chosen, users, users.c.id == chosen.c.user_id)
        .join(order_lines, order_lines.c.order_id == chosen.c.id)
        .order_by(chosen.c.id.desc(), order_lines.c.id)
    )
    heads: dict[int, Any] = {}
    bodies: dict[int, list[OrderLine]] = {}
    for row in connection.execute(query):
        columns: Sequence[Any] = tuple(row)
        heads.setdefault(row[0], columns)
        bodies.setdefault(row[0], []).append(OrderLine(*columns[9:]))
    return [
        Order(
            *(h[0], h[1], h[2], h[3], h[4]),
            tuple(bodies[h[0]]),
            *(h[5], h[6], Status(h[7]), tuple(map(_event, h[8] or ()))),
        )
        for h in heads.values()
    ]
