"""Shoppers, products and tokens for a load, made without asking the shop."""

import time
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Engine, text

from pearshop.domain.user import User
from pearshop.http.tokens import ACCESS_S, Tokens
from pearshop.settings import Settings

PRODUCTS = 50
RENEW_S = ACCESS_S - 120

MAKE_SHOPPERS = text("""
INSERT INTO users (username, username_key, password_hash)
SELECT 'load-' || n, 'load-' || n, '' FROM generate_series(1, :count) n
ON CONFLICT DO NOTHING
""")
FIND_SHOPPERS = text(
    "SELECT id, username FROM users WHERE username_key LIKE 'load-%' ORDER BY id LIMIT :count"
)
MAKE_PRODUCTS = text("""
INSERT INTO products (sku, name, price)
SELECT 'LOAD-' || n, 'Pear ' || n, 250 FROM generate_series(1, :count) n
ON CONFLICT DO NOTHING
""")
FIND_PRODUCTS = text("SELECT id FROM products WHERE sku LIKE 'LOAD-%' ORDER BY id LIMIT :count")


def make_shoppers(engine: Engine, count: int) -> list[User]:
    """Return so many accounts that nobody can sign in to; those of an earlier load first."""
    with engine.begin() as connection:
        connection.execute(MAKE_SHOPPERS, {"count": count})
        found = connection.execute(FIND_SHOPPERS, {"count": count})
        return [User(row.id, row.username) for row in found]


def make_products(engine: Engine) -> list[int]:
    """Return the ids of products whose stock is not counted; those of an earlier load first."""
    with engine.begin() as connection:
        connection.execute(MAKE_PRODUCTS, {"count": PRODUCTS})
        return list(connection.execute(FIND_PRODUCTS, {"count": PRODUCTS}).scalars())


class Wallet:
    """Access tokens, signed with the key of the shop in a state folder, good when handed out."""

    def __init__(self, state: Path) -> None:
        given = Settings().signing_key.get_secret_value()
        self._tokens = Tokens(given or (state / "signing-key").read_text().strip())
        self._made: dict[int, tuple[float, str]] = {}

    def token(self, user: User) -> str:
        """Return a shopper's token, a new one when the last is about to end."""
        now = time.monotonic()
        made_at, token = self._made.get(user.id, (0.0, ""))
        if not token or now - made_at > RENEW_S:
            token = self._tokens.access(user, 0)
            self._made[user.id] = (now, token)
        return token

    def write(self, users: Iterable[User], file: Path) -> None:
        """Write a token for each shopper, one a line."""
        file.write_text("\n".join(map(self.token, users)))
