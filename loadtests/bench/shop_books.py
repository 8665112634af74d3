"""PearShop's database."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import psycopg

from loadtests.accounts import Wallet, make_shoppers
from loadtests.bench.books import Books, to_order
from loadtests.bench.routes import FullCart, held_by
from loadtests.peers.database import Good
from loadtests.shop import engine_of
from pearshop.db.cart import encode_lines
from pearshop.domain.cart import CartLine, line_id
from pearshop.domain.user import User
from pearshop.launcher.state import Run

COUNT = """
SELECT (SELECT COALESCE(sum((line->>2)::bigint), 0) FROM carts, jsonb_array_elements(lines) line),
       (SELECT count(*) FROM orders), (SELECT count(*) FROM order_lines),
       (SELECT COALESCE(sum(quantity), 0) FROM order_lines),
       (SELECT COALESCE(sum(stock), 0) FROM products)
"""
COPY_PRODUCTS = "COPY products (name, description, price, sku, category, stock) FROM STDIN"
COPY_CARTS = "COPY carts (user_id, version, next_number, lines, updated_at) FROM STDIN"
SOME_TIME = 1_764_000_000_000_000
"""µs since 1970."""


class ShopBooks(Books):
    """The shop's database, which nothing but the shop changes once it has carts in memory."""

    def __init__(self, run: Run, state: Path, sold: Sequence[Good], shoppers: int) -> None:
        super().__init__(run.database_url, _fill(run.database_url, sold), COUNT)
        self._engine = engine_of(run)
        self._wallet = Wallet(state)
        self._made = shoppers
        self.shoppers = make_shoppers(self._engine, shoppers)

    @property
    def tokens(self) -> list[str]:
        """A token for each shopper who adds and reads."""
        return list(map(self._wallet.token, self.shoppers))

    def fill_carts(self, lines: int) -> None:
        """Put so many lines into each shopper's cart."""
        held = [held_by(number, self.products, lines) for number in range(len(self.shoppers))]
        self._store(zip(self.shoppers, held, strict=True))

    def carts_to_order(self, count: int) -> list[FullCart]:
        """Return carts of shoppers who are new, for the shop has the others' in memory."""
        first, self._made = self._made, self._made + count
        buyers = make_shoppers(self._engine, self._made)[first:]
        wanted = [to_order(first + each, self.products) for each in range(count)]
        self._store(zip(buyers, wanted, strict=True))
        return [
            FullCart(self._wallet.token(buyer), [line_id(buyer.id, n + 1) for n in range(len(ids))])
            for buyer, ids in zip(buyers, wanted, strict=True)
        ]

    def _store(self, carts: Iterable[tuple[User, Sequence[int]]]) -> None:
        with (
            psycopg.connect(self.url) as connection,
            connection.cursor() as cursor,
            cursor.copy(COPY_CARTS) as copy,
        ):
            for owner, ids in carts:
                lines = [
                    CartLine(number, each, 1, SOME_TIME, SOME_TIME)
                    for number, each in enumerate(ids, 1)
                ]
                at = "2026-01-01T00:00:00Z"
                copy.write_row((owner.id, 1, len(lines) + 1, encode_lines(lines), at))
        vacuum(self.url)


def _fill(url: str, sold: Sequence[Good]) -> list[int]:
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        with cursor.copy(COPY_PRODUCTS) as copy:
            for each in sold:
                copy.write_row(each)
        ids = [row[0] for row in cursor.execute("SELECT id FROM products ORDER BY id")]
    vacuum(url)
    return ids


def vacuum(url: str) -> None:
    """Let PostgreSQL take stock of the tables, as it would by itself, given time."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
