"""A cart as its owner knows it, and whether the shop agrees."""

from collections.abc import Sequence
from typing import Any

from loadtests.users.base import Check, ShopUser

LINES = "/api/order-item/"
ORDERS = "/api/order/"
OUT_OF_STOCK = 409


class CartOwner(ShopUser):
    """Somebody who fills a cart. `cart` has product and quantity by line id."""

    abstract = True

    def on_start(self) -> None:
        """Sign in with an empty cart."""
        super().on_start()
        self.cart: dict[int, tuple[int, int]] = {}

    def add(self, product_id: int, quantity: int = 1) -> None:
        """Put a product into the cart; what is there already becomes more."""
        held = sum(q for p, q in self.cart.values() if p == product_id)
        wish = {"product_id": product_id, "quantity": quantity}
        check = _is_line(product_id, held + quantity)
        status, line = self.call(
            "add", "POST", LINES, wish, expected=201, allowed=(404,), check=check
        )
        if status == 201:
            self.cart[line["id"]] = (product_id, held + quantity)

    def change(self, line_id: int, quantity: int) -> None:
        """Set how many there are."""
        product_id, _ = self.cart[line_id]
        wish, check = {"quantity": quantity}, _is_line(product_id, quantity)
        if self.call("change", "PATCH", f"{LINES}{line_id}/", wish, check=check)[0] == 200:
            self.cart[line_id] = (product_id, quantity)

    def remove(self, line_id: int) -> None:
        """Take a line out."""
        if self.call("remove", "DELETE", f"{LINES}{line_id}/", expected=204)[0] == 204:
            del self.cart[line_id]

    def look(self) -> None:
        """Look at the cart; it has to be what was acknowledged."""
        known = dict(self.cart)

        def check(lines: Any) -> str:
            shown = {each["id"]: (each["product"]["id"], each["quantity"]) for each in lines}
            return "" if shown == known else f"the cart is {shown}, not {known}"

        self.call("cart", "GET", LINES, check=check)

    def order(self, lines: Sequence[int]) -> dict[str, Any] | None:
        """Order these lines; return the order, or nothing where something is out of stock."""
        wish = {"delivery_address": f"{self.username}, 1 Orchard Lane", "order_item_ids": [*lines]}
        wanted = {line_id: self.cart[line_id] for line_id in lines}

        def check(order: Any) -> str:
            items = order["order_items"]
            sold = {each["id"]: (each["product"]["id"], each["quantity"]) for each in items}
            if sold != wanted:
                return f"{sold} was ordered, not {wanted}"
            total = sum(each["total_price"] for each in items)
            return "" if order["total_price"] == total else "the total is not that of the lines"

        status, told = self.call(
            "order", "POST", ORDERS, wish, expected=201, allowed=(OUT_OF_STOCK,), check=check
        )
        if status == 201:
            for line_id in lines:
                del self.cart[line_id]
            placed: dict[str, Any] = told
            return placed
        if status == OUT_OF_STOCK:
            for each in told.get("lines", ()):
                self.remove(each["order_item_id"])
        return None


def _is_line(product_id: int, quantity: int) -> Check:
    def check(line: Any) -> str:
        shown = (line["product"]["id"], line["quantity"])
        if shown != (product_id, quantity):
            return f"the line is {shown}, not {(product_id, quantity)}"
        total = line["product"]["price"] * quantity
        return "" if line["total_price"] == total else f"the total is {line['total_price']}"

    return check
