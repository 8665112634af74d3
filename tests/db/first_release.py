"""What the first release's code asked of its database, and shoppers who go on asking."""

import hashlib
import json
import random
import threading
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

DATA = (Path(__file__).parent / "first_release.sql").read_text()
"""A shop of that release, at revision 0001."""

LOAD = text("SELECT version, next_number, lines FROM carts WHERE user_id = :user")
SAVE = text("""
WITH saved AS (
  INSERT INTO carts AS c (user_id, version, next_number, lines, updated_at)
  SELECT :user, :version, :next, CAST(:lines AS jsonb), now()
  WHERE NOT EXISTS (SELECT 1 FROM cart_commands k WHERE k.user_id = :user AND k.key = :key)
    AND EXISTS (SELECT 1 FROM users u WHERE u.id = :user)
  ON CONFLICT (user_id) DO UPDATE
  SET version = excluded.version, next_number = excluded.next_number,
      lines = excluded.lines, updated_at = excluded.updated_at
  WHERE c.version = excluded.version - 1
  RETURNING user_id
), kept AS (
  INSERT INTO cart_commands (user_id, key, fingerprint, line)
  SELECT user_id, :key, :key, CAST(:line AS jsonb) FROM saved
)
SELECT user_id FROM saved
""")
LOCK_CART = text("SELECT version, lines FROM carts WHERE user_id = :user FOR UPDATE")
KNOWN_ORDER = text("SELECT id FROM orders WHERE user_id = :user AND key = :key")
LOCK_PRODUCTS = text("""
SELECT id, name, price, stock, hidden FROM products WHERE id = ANY(:ids)
ORDER BY id FOR NO KEY UPDATE
""")
TAKE = text("UPDATE products SET stock = stock - :taken WHERE id = :id")
EMPTY = text("""
UPDATE carts SET version = :version, lines = '[]', updated_at = now() WHERE user_id = :user
""")
ORDER = text("""
INSERT INTO orders (user_id, delivery_address, total_price, key, fingerprint,
                    created_at, updated_at)
VALUES (:user, 'Here', :total, :key, :key, now(), now()) RETURNING id
""")
LINE = text("""
INSERT INTO order_lines (id, order_id, product_id, quantity, price, product_name,
                         created_at, updated_at)
VALUES (:id, :order, :product, :quantity, :price, :name, now(), now())
""")
EVENT = text("""
INSERT INTO outbox (topic, subject_id, payload)
VALUES ('order.placed', :order, CAST(:payload AS jsonb))
""")
READS = (
    text("SELECT id, sku, name, price, image, description, category, stock, hidden, created_at, "
         "updated_at FROM products WHERE NOT hidden ORDER BY updated_at, id LIMIT 100"),
    text("SELECT id, username, password_hash FROM users WHERE username_key = 'shopper 7'"),
    text("SELECT o.id, o.total_price, l.id, l.quantity FROM orders o "
         "JOIN order_lines l ON l.order_id = o.id ORDER BY o.id DESC LIMIT 50"),
    text("SELECT p.epoch, p.hosts, ARRAY(SELECT id FROM sessions WHERE revoked_at > now()) "
         "FROM placement p"),
)  # fmt: skip
REGISTER = text("""
INSERT INTO users (username, username_key, password_hash, is_staff)
VALUES (:name, :name, 'hash', false) ON CONFLICT (username_key) DO NOTHING
""")
SIGN_IN = text("""
INSERT INTO sessions (user_id, expires_at) VALUES (:user, now() + interval '7 days')
""")


class OldShoppers:
    """A thread of the first release's code, on accounts of its own, until `stop`."""

    def __init__(self, engine: Engine, users: range) -> None:
        self._engine = engine
        self._users = users
        self._choose = random.Random(users.start)
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._shop)
        self.keys: set[tuple[int, bytes]] = set()
        """Commands that were acknowledged."""
        self.orders: dict[int, int] = {}
        """Totals of orders that were acknowledged."""
        self.names: set[str] = set()
        self.reads = 0
        self.trouble: list[BaseException] = []

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and raise what went wrong."""
        self._enough.set()
        self._thread.join()
        for each in self.trouble:
            raise each

    @property
    def done(self) -> int:
        """How much was acknowledged."""
        return len(self.keys) + len(self.orders)

    def _shop(self) -> None:
        try:
            number = 0
            while not self._enough.is_set():
                number += 1
                user = self._choose.choice(self._users)
                key = hashlib.blake2b(f"{user} {number}".encode(), digest_size=16).digest()
                self._until_done(user, key, number)
        except BaseException as error:
            self.trouble.append(error)

    def _until_done(self, user: int, key: bytes, number: int) -> None:
        while not self._enough.is_set():
            try:
                with self._engine.begin() as connection:
                    self._act(connection, user, key, number)
            except OperationalError:  # too slow, or in a deadlock: 503, and sent again
                continue
            return

    def _act(self, connection: Connection, user: int, key: bytes, number: int) -> None:
        match number % 4:
            case 0:
                for read in READS:
                    assert connection.execute(read).all() is not None
                self.reads += 1
            case 1:
                name = f"new {user} {number}"
                connection.execute(REGISTER, {"name": name})
                connection.execute(SIGN_IN, {"user": user})
                connection.commit()
                self.names.add(name)
            case 2:
                self._add(connection, user, key)
            case _:
                self._order(connection, user, key)

    def _add(self, connection: Connection, user: int, key: bytes) -> None:
        version, number, lines = self._cart(connection, user)
        line = [number, self._choose.randint(1, 600), 1, 1, 1]
        values = {"user": user, "key": key, "version": version + 1, "next": number + 1}
        saved = connection.execute(
            SAVE, values | {"lines": json.dumps([*lines, line]), "line": json.dumps(line)}
        ).all()
        connection.commit()
        if saved:
            self.keys.add((user, key))

    def _cart(self, connection: Connection, user: int) -> tuple[int, int, list[Any]]:
        row = connection.execute(LOAD, {"user": user}).one_or_none()
        return (row.version, row.next_number, row.lines) if row else (0, 1, [])

    def _order(self, connection: Connection, user: int, key: bytes) -> None:
        cart = connection.execute(LOCK_CART, {"user": user}).one_or_none()
        known = connection.execute(KNOWN_ORDER, {"user": user, "key": key}).one_or_none()
        if cart is None or not cart.lines or known:
            return
        ids = {line[1] for line in cart.lines}
        offers = {p.id: p for p in connection.execute(LOCK_PRODUCTS, {"ids": list(ids)})}
        total = sum(offers[line[1]].price * line[2] for line in cart.lines)
        order = connection.execute(ORDER, {"user": user, "total": total, "key": key}).scalar_one()
        for number, product, quantity, *_ in cart.lines:
            connection.execute(
                LINE,
                {
                    "id": user * 2**24 + number,
                    "order": order,
                    "product": product,
                    "quantity": quantity,
                    "price": offers[product].price,
                    "name": "Pear",
                },
            )
            if offers[product].stock is not None:
                connection.execute(TAKE, {"taken": quantity, "id": product})
        connection.execute(EMPTY, {"user": user, "version": cart.version + 1})
        connection.execute(EVENT, {"order": order, "payload": json.dumps({"total_price": total})})
        connection.commit()
        self.orders[order] = total
