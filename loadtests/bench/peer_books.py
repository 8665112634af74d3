"""The peers' databases: two schemas alike in what is needed here."""

from collections.abc import Sequence

import psycopg
from sqlalchemy import make_url

from loadtests.bench.books import Books, to_order
from loadtests.bench.routes import FullCart, held_by
from loadtests.bench.shop_books import vacuum
from loadtests.peers.database import accounts
from loadtests.peers.running import Peer

COUNT = """
SELECT COALESCE(sum(quantity) FILTER (WHERE order_id IS NULL), 0),
       (SELECT count(*) FROM orders), count(order_id),
       COALESCE(sum(quantity) FILTER (WHERE order_id IS NOT NULL), 0),
       (SELECT COALESCE(sum(stock), 0) FROM products)
FROM order_items
"""
COPY_LINES = "COPY order_items (user_id, product_id, quantity, created_at, updated_at) FROM STDIN"
DROP = "DELETE FROM order_items WHERE order_id IS NULL AND user_id = ANY(%s)"
FIND = """
SELECT user_id, array_agg(id ORDER BY id) FROM order_items
WHERE order_id IS NULL AND user_id = ANY(%s) GROUP BY user_id ORDER BY user_id
"""
TABLES = {"Django": "auth_user", "FastAPI": "users"}


class PeerBooks(Books):
    """A peer's database. The first `shoppers` accounts add and read, the others order."""

    def __init__(self, server_url: str, peer: Peer, shoppers: int) -> None:
        self.database = f"peer_{peer.name.lower()}"
        url = make_url(server_url).set(drivername="postgresql", database=self.database)
        super().__init__(url.render_as_string(hide_password=False), peer.products, COUNT)
        ids = [each[0] for each in accounts(self.url, TABLES[peer.name])]
        self._shoppers = ids[:shoppers]
        self._buyers = ids[shoppers:]
        self._token = dict(zip(ids, peer.tokens, strict=True))
        self._ordered = 0

    @property
    def tokens(self) -> list[str]:
        """A token for each shopper who adds and reads; they live for the whole run."""
        return [self._token[each] for each in self._shoppers]

    def fill_carts(self, lines: int) -> None:
        """Put so many lines into each shopper's cart."""
        held = [held_by(number, self.products, lines) for number in range(len(self._shoppers))]
        self._store(self._shoppers, held)
        vacuum(self.url)

    def carts_to_order(self, count: int) -> list[FullCart]:
        """Return carts of the same shoppers each time: what they did not order is dropped first."""
        buyers = self._buyers[:count]
        wanted = [to_order(self._ordered + each, self.products) for each in range(len(buyers))]
        self._ordered += len(buyers)
        with psycopg.connect(self.url) as connection:
            connection.execute(DROP, (self._buyers,))
        self._store(buyers, wanted)
        vacuum(self.url)
        with psycopg.connect(self.url) as connection:
            return [
                FullCart(self._token[user], lines)
                for user, lines in connection.execute(FIND, (buyers,))
            ]

    def _store(self, owners: Sequence[int], held: Sequence[Sequence[int]]) -> None:
        now = "2026-01-01T00:00:00Z"
        with (
            psycopg.connect(self.url) as connection,
            connection.cursor() as cursor,
            cursor.copy(COPY_LINES) as copy,
        ):
            for owner, products in zip(owners, held, strict=True):
                for product in products:
                    copy.write_row((owner, product, 1, now, now))
