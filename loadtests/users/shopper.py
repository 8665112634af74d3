"""A shopper's journey: much looking, some adding, few orders."""

import random
from typing import Any
from urllib.parse import urlencode

from locust import task

from loadtests.users.cart import ORDERS, CartOwner

PRODUCTS = "/api/product/"
PAGE = 20
MEMBERS = {"id", "name", "price", "image", "description", "created_at", "updated_at"}


class Shopper(CartOwner):
    """Of a hundred requests eighty look at the catalogue, and three are orders."""

    def on_start(self) -> None:
        """Come in, and see the first page."""
        super().on_start()
        self._seen: list[dict[str, Any]] = []
        self._last_order = 0
        self.browse()

    @task(30)
    def browse(self) -> None:
        """Look at a page, in some order."""
        ordering = random.choice(("updated", "newest", "name", "price", "-price"))
        _, page = self.call("browse", "GET", _list(ordering=ordering), check=_is_page)
        self._seen = (page or []) + self._seen[: 5 * PAGE]

    @task(15)
    def search(self) -> None:
        """Search for a word of something seen."""
        if not self._seen:
            return
        word = random.choice(random.choice(self._seen)["name"].split() or ["pear"])
        self.call("search", "GET", _list(search=word), check=_is_page)

    @task(35)
    def view(self) -> None:
        """Look at one product; staff may have taken it off sale meanwhile."""
        if not self._seen:
            return
        wanted = random.choice(self._seen)["id"]

        def check(product: Any) -> str:
            return "" if product["id"] == wanted else f"product {product['id']}, not {wanted}"

        self.call("view", "GET", f"{PRODUCTS}{wanted}/", allowed=(404,), check=check)

    @task(12)
    def put_in(self) -> None:
        """Add something seen."""
        if self._seen:
            self.add(random.choice(self._seen)["id"], random.choice((1, 1, 1, 2, 3)))

    @task(3)
    def think_again(self) -> None:
        """Change a line, or take it out."""
        if not self.cart:
            return
        line_id = random.choice([*self.cart])
        if random.random() < 0.3:
            self.remove(line_id)
        else:
            self.change(line_id, random.randint(1, 5))

    @task(2)
    def open_cart(self) -> None:
        """Look at the cart."""
        self.look()

    @task(3)
    def check_out(self) -> None:
        """Order all that is in the cart."""
        if self.cart and (placed := self.order([*self.cart])):
            self._last_order = placed["id"]

    @task(2)
    def look_back(self) -> None:
        """Look at past orders, of which the newest comes first."""
        newest = self._last_order

        def check(orders: Any) -> str:
            first = orders[0]["id"] if orders else 0
            return "" if first == newest else f"the newest order is {first}, not {newest}"

        self.call("history", "GET", f"{ORDERS}?limit=10", check=check)


def _list(**query: str) -> str:
    return f"{PRODUCTS}?{urlencode({'limit': PAGE, **query})}"


def _is_page(page: Any) -> str:
    if not isinstance(page, list) or len(page) > PAGE:
        return "that is no page of products"
    return next((f"{each} lacks members" for each in page if not each.keys() >= MEMBERS), "")
