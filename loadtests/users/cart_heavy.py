"""Carts and nothing else, without a pause: what cart actors and group commit are made for."""

import random

from locust import constant, task

from loadtests.users.cart import CartOwner

MANY = 30
"""Lines from which on the cart is ordered."""


class CartHeavy(CartOwner):
    """Adds, changes, removes and looks, and orders when the cart is full."""

    wait_time = constant(0)

    def on_start(self) -> None:
        """Learn what there is."""
        super().on_start()
        path = "/api/product/?limit=100&fields=id&in_stock=true"
        _, page = self.call("browse", "GET", path)
        self._products = [each["id"] for each in page or []]

    @task(12)
    def put_in(self) -> None:
        """Add a product; order when there are many."""
        if len(self.cart) >= MANY:
            self.order([*self.cart])
        elif self._products:
            self.add(random.choice(self._products))

    @task(3)
    def set_quantity(self) -> None:
        """Change a line."""
        if self.cart:
            self.change(random.choice([*self.cart]), random.randint(1, 9))

    @task(1)
    def take_out(self) -> None:
        """Remove a line."""
        if self.cart:
            self.remove(random.choice([*self.cart]))

    @task(2)
    def see(self) -> None:
        """Look at the cart."""
        self.look()
