"""Rows for tests on a real database."""

import functools
from collections.abc import Callable
from typing import TypeVar

import pytest
from sqlalchemy import Engine

from pearshop.db import placement
from pearshop.db import product as product_rows
from pearshop.db import user as user_rows
from pearshop.db.cart import CartSave, Done, encode, save
from pearshop.db.execute import execute
from pearshop.db.placement import Grant
from pearshop.domain.cart import AddLine, Cart, decide
from pearshop.domain.product import Product, ProductDraft
from pearshop.domain.user import User

T = TypeVar("T")
WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"
"""How many wait for a lock."""


class Rows:
    """Puts rows into a database in a line each."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._count = 0

    def run(self, operation: Callable[..., T], *args: object) -> T:
        """Run an operation as the `Database` deployment does."""
        result: T = execute(self.engine, operation, args, {}).result()
        return result

    @functools.cached_property
    def grant(self) -> Grant:
        """The right to store carts."""
        self.run(placement.bound_hosts, 1, 1, "tests")
        return self.run(placement.claim, 0, "test")

    def user(self) -> User:
        """Store an account."""
        self._count += 1
        return self.run(user_rows.create, f"user-{self._count}", "hash")

    def product(self, price: int = 100, stock: int | None = None) -> Product:
        """Store a product."""
        self._count += 1
        draft = ProductDraft(f"Product {self._count}", price, stock=stock)
        return self.run(product_rows.create, draft)

    def cart(self, user: User, **quantities: int) -> Cart:
        """Store a cart that holds `p<id>=quantity`."""
        cart = Cart(user.id)
        for name, quantity in quantities.items():
            cart = decide(cart, AddLine(int(name[1:]), quantity), 1).cart
        stored = Cart(user.id, 1, cart.next_number, cart.lines)
        assert self.run(
            save, self.grant, [encode(CartSave(stored, (Done(b"first", b"", None),)))]
        ) == {user.id}
        return stored


@pytest.fixture
def rows(engine: Engine) -> Rows:
    return Rows(engine)
