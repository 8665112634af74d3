"""Staff at work: tables, prices, stock, orders."""

import random
from typing import Any

from locust import between, task

from loadtests.users.base import ShopUser

OVERTAKEN = 412


class Staff(ShopUser):
    """Signs in with the account that the options name."""

    wait_time = between(1, 4)

    def on_start(self) -> None:
        """Sign in, and see the first table."""
        options = self.environment.parsed_options
        self.username, self.password = options.staff_username, options.staff_password
        super().on_start()
        self._shown: list[dict[str, Any]] = []
        self.table()

    @task(5)
    def table(self) -> None:
        """Look at a page of the products, counted."""
        path = f"/api/product/?limit=50&offset={50 * random.randrange(4)}"
        _, page = self.call("staff: table", "GET", path)
        self._shown = page or self._shown

    @task(3)
    def reprice(self) -> None:
        """Change a price by a little, unless somebody else was first."""
        if not self._shown:
            return
        path = f"/api/product/{random.choice(self._shown)['id']}/"
        _, product = self.call("staff: open", "GET", path, allowed=(404,))
        if not product or "price" not in product:
            return
        price = max(1, product["price"] + random.randint(-5, 5))

        def check(changed: Any) -> str:
            return "" if changed["price"] == price else f"it costs {changed['price']}, not {price}"

        self.call("staff: price", "PATCH", path, {"price": price}, allowed=(404,), check=check)

    @task(2)
    def restock(self) -> None:
        """Set a stock."""
        if self._shown:
            path = f"/api/product/{random.choice(self._shown)['id']}/"
            stock = random.randint(50, 500)
            self.call("staff: stock", "PATCH", path, {"stock": stock}, allowed=(404,))

    @task(5)
    def orders(self) -> None:
        """Look at the newest orders, which come first."""

        def check(orders: Any) -> str:
            ids = [each["id"] for each in orders]
            return "" if ids == sorted(ids, reverse=True) else "the orders are not the newest first"

        self.call("staff: orders", "GET", "/api/order/?limit=50", check=check)
