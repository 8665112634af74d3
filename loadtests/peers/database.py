"""The databases of the peers: made, filled without asking the peer, and dropped."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg
from psycopg import sql
from sqlalchemy import make_url

COPY_PRODUCTS = """
COPY products (name, description, price, sku, category, stock, image, created_at, updated_at)
FROM STDIN
"""


class Good(NamedTuple):
    """A product to sell. The price is in the shop's unit; `stock` is `None`: not counted."""

    name: str
    description: str
    price: int
    sku: str | None
    category: str
    stock: int | None


@contextmanager
def database(server_url: str, name: str) -> Iterator[str]:
    """Make an empty database on the server of that URL and drop it at the end; yield its URL.

    One of that name that a killed run left is dropped first.
    """
    url = make_url(server_url).set(drivername="postgresql", database=name)
    drop = f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"
    _administrate(server_url, drop, f"CREATE DATABASE {name}")
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        _administrate(server_url, drop)


def fill(url: str, goods: Sequence[Good], shoppers: int, make_shoppers: str) -> list[int]:
    """Store products and accounts; return the ids of the products, in the order of `goods`.

    `make_shoppers` is SQL that stores so many accounts; it names the accounts.
    """
    now = datetime.now(UTC)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy(COPY_PRODUCTS) as copy:
            for good in goods:
                copy.write_row((*good, "", now, now))
        cursor.execute(make_shoppers, {"count": shoppers})
        ids = [row[0] for row in cursor.execute("SELECT id FROM products ORDER BY id")]
    _administrate(url, "VACUUM ANALYZE")  # as autovacuum would, given time
    return ids


def accounts(url: str, table: str) -> list[tuple[int, str]]:
    """Return id and name of every account in a table."""
    with psycopg.connect(url) as connection:
        query = sql.SQL("SELECT id, username FROM {} ORDER BY id").format(sql.Identifier(table))
        return connection.execute(query).fetchall()


def _administrate(url: str, *statements: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
