"""What the shop acknowledged, compared with what its database holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine, text

from loadtests.scenarios.stock import STOCK, Product
from loadtests.scenarios.visits import Acknowledged, Visits, acknowledged

CARTS = text("""
SELECT user_id, user_id << 24 | (line->>0)::bigint, (line->>1)::bigint, (line->>2)::int
FROM carts, jsonb_array_elements(lines) line WHERE user_id = ANY(:users)
""")
ORDERS = text("""
SELECT o.id, o.user_id, o.total_price, l.id, l.product_id, l.quantity, l.price
FROM orders o JOIN order_lines l ON l.order_id = o.id WHERE o.user_id = ANY(:users)
""")
UNBALANCED = text("""
SELECT p.id FROM products p LEFT JOIN order_lines l ON l.product_id = p.id
WHERE p.stock IS NOT NULL
GROUP BY p.id HAVING p.stock + COALESCE(sum(l.quantity), 0) <> :at_first
""")


@dataclass
class Held(Acknowledged):
    """What the database holds of some users; `unbalanced` products miss stock, or have too much."""

    unbalanced: Sequence[int] = field(default_factory=list)


def held(engine: Engine, users: Sequence[int]) -> Held:
    """Return what the database holds; each counted product had `STOCK` at first."""
    found = Held()
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        of = {"users": list(users)}
        for user, line, product, quantity in connection.execute(CARTS, of):
            found.carts.setdefault(user, {})[line] = (product, quantity)
        for order, user, total, line, *sold in connection.execute(ORDERS, of):
            lines = found.orders.setdefault(order, (user, total, {}))[2]
            lines[line] = (sold[0], sold[1], sold[2])
        found.unbalanced = list(connection.execute(UNBALANCED, {"at_first": STOCK}).scalars())
    return found


def compare(visits: Visits, begun: Mapping[int, Sequence[Product]], database: Held) -> list[str]:
    """Return what is lost or differs; `begun` are the carts at first. Pure.

    Of those whose last command has no answer, only what was acknowledged before is looked for.
    """
    told, problems = acknowledged(visits, begun)
    for order, known in told.orders.items():
        if order not in database.orders:
            problems.append(f"order {order} is lost")
        elif database.orders[order] != known:
            problems.append(f"order {order} is {database.orders[order]}, told was {known}")
    problems += [
        f"order {order} was never acknowledged"
        for order, (user, _, _) in database.orders.items()
        if order not in told.orders and user not in visits.doubtful
    ]
    problems += [
        f"the cart of {user} is {database.carts.get(user, {})}, told was {cart}"
        for user, cart in told.carts.items()
        if user not in visits.doubtful and database.carts.get(user, {}) != cart
    ]
    problems += [f"the stock of product {each} does not add up" for each in database.unbalanced]
    return problems
