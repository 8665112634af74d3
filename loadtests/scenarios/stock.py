"""Shoppers, products and carts for a scenario, put into its database by SQL."""

import io
import random
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Engine, text

from loadtests.many_products import fill
from pearshop.domain.cart import line_id
from pearshop.domain.user import Role, User

STAFF = text("SELECT id, username FROM users WHERE is_staff ORDER BY id LIMIT 1")
NEW_PRODUCT = text("""
INSERT INTO products (sku, name, price, stock) VALUES (:sku, :name, :price, :stock) RETURNING id
""")

STOCK = 1_000_000
"""Of each product of a stocked catalogue: counted, and never short."""


@dataclass(frozen=True, slots=True)
class Product:
    """A product on sale."""

    id: int
    name: str
    price: int


def stocked(engine: Engine, count: int) -> list[Product]:
    """Fill a catalogue whose stock is counted, and lasts."""
    fill(engine, count)
    with engine.begin() as connection:
        connection.execute(text("UPDATE products SET stock = :stock"), {"stock": STOCK})
        rows = connection.execute(text("SELECT id, name, price FROM products ORDER BY id"))
        return [Product(*row) for row in rows]


def begun_carts(
    engine: Engine, shoppers: Sequence[User], products: Sequence[Product], most: int = 6
) -> dict[int, list[Product]]:
    """Give shoppers without a cart some lines each, so that a load need not begin with adds."""
    chance = random.Random(1)
    carts = {each.id: chance.sample(products, chance.randint(0, most)) for each in shoppers}
    fill_carts(engine, ((user, [each.id for each in cart]) for user, cart in carts.items()))
    return carts


def staff(engine: Engine) -> User:
    """Return the staff account that `pearshop up` makes."""
    with engine.connect() as connection:
        row = connection.execute(STAFF).one()
        return User(row.id, row.username, Role.OWNER)


def make_product(engine: Engine, name: str, price: int, stock: int) -> int:
    """Put a product on sale and return its id."""
    values = {"sku": name.upper(), "name": name, "price": price, "stock": stock}
    with engine.begin() as connection:
        found: int = connection.execute(NEW_PRODUCT, values).scalar_one()
        return found


def fill_carts(engine: Engine, carts: Iterable[tuple[int, Sequence[int]]]) -> None:
    """Give users without a cart one each: `(user id, product ids)`, one piece a line.

    The lines are numbered from 1, see `cart_line`.
    """
    now = int(time.time() * 1e6)
    rows = io.StringIO()
    for user_id, products in carts:
        lines = [[number, product, 1, now, now] for number, product in enumerate(products, 1)]
        rows.write(f"{user_id}\t1\t{len(lines) + 1}\t{orjson.dumps(lines).decode()}\n")
    rows.seek(0)
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.copy_from(rows, "carts", columns=("user_id", "version", "next_number", "lines"))
        connection.commit()
    finally:
        connection.close()
    vacuum(engine, "carts")


def cart_line(user_id: int, number: int = 1) -> int:
    """Return the public id of a line that `fill_carts` made."""
    return line_id(user_id, number)


def vacuum(engine: Engine, *tables: str) -> None:
    """Let PostgreSQL take stock of tables."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql(f"VACUUM ANALYZE {', '.join(tables)}")
        connection.exec_driver_sql("RESET statement_timeout")
