"""The shop's contract in memory, for the driver alone, and its books written to a database."""

import json
from typing import Any

from sqlalchemy import Connection, text

from loadtests.client import Answer, Api, Stats

PRICES = {1: 255, 2: 100, 3: 50}
STOCK = {1: 1_000, 2: 5, 3: None}


class FakeShop(Api):
    """Answers as the shop would, but loses every `lose`th answer; with `status`, only that."""

    def __init__(self, lose: int = 0, status: int = 0) -> None:
        self.stats = Stats()
        self.lose = lose
        self.status = status
        self.users: list[str] = []
        self.carts: dict[str, dict[int, list[int]]] = {}
        self.orders: list[dict[str, Any]] = []
        self.stock = dict(STOCK)
        self._answers: dict[str, Answer] = {}

    async def _attempt(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> Answer | None:
        self.stats.requests += 1
        if self.status:
            return Answer(self.status, {"detail": "no"})
        key = headers.get("Idempotency-Key", f"{path}{body}")
        if key not in self._answers:
            user = headers.get("Authorization", "").removeprefix("Bearer ")
            self._answers[key] = self._answer(user, method, path, body)
        lost = self.lose and self.stats.requests % self.lose == 0
        return None if lost else self._answers[key]

    def _answer(self, user: str, method: str, path: str, body: Any) -> Answer:
        if path == "/api/register/":
            self.users.append(body["username"])
            self.carts[body["username"]] = {}
            return Answer(201, {})
        if path == "/api/login/":
            return Answer(200, {"access": body["username"], "refresh": ""})
        if path == "/api/order/":
            return self._order(user, body)
        if method == "DELETE":
            del self.carts[user][int(path.split("/")[-2])]
            return Answer(204, None)
        return self._add(user, body["product_id"], body["quantity"])

    def _add(self, user: str, product_id: int, quantity: int) -> Answer:
        cart = self.carts[user]
        fresh = len(self._answers) + 1
        line = next((key for key, held in cart.items() if held[0] == product_id), fresh)
        cart.setdefault(line, [product_id, 0])[1] += quantity
        return Answer(201, self._line(line, cart[line]))

    def _order(self, user: str, body: Any) -> Answer:
        cart = self.carts[user]
        lines = [self._line(each, cart[each]) for each in body["order_item_ids"]]
        short = [
            {"order_item_id": line["id"]}
            for line in lines
            if (self.stock[line["product"]["id"]] or 1_000) < line["quantity"]
        ]
        if short:
            return Answer(409, {"code": "out_of_stock", "detail": "", "lines": short})
        for line in lines:
            del cart[line["id"]]
            left = self.stock[line["product"]["id"]]
            if left is not None:
                self.stock[line["product"]["id"]] = left - line["quantity"]
        order = {
            "id": len(self.orders) + 1,
            "user": {"username": user},
            "total_price": sum(line["total_price"] for line in lines),
            "order_items": lines,
        }
        self.orders.append(order)
        return Answer(201, order)

    def _line(self, line: int, held: list[int]) -> dict[str, Any]:
        product_id, quantity = held
        price = PRICES[product_id]
        product = {"id": product_id, "price": price}
        return {
            "id": line,
            "product": product,
            "quantity": quantity,
            "total_price": price * quantity,
        }


SAVE_ORDER = text("""
INSERT INTO orders
VALUES (:id, :user, 'x', :total, CAST(CAST(:id AS text) AS bytea), '', now(), now())
""")
SAVE_EVENT = text(
    "INSERT INTO outbox (topic, subject_id, payload) VALUES ('order.placed', :id, '{}')"
)
SAVE_LINE = text("""
INSERT INTO order_lines VALUES (:id, :order, :product, :quantity, :price, 'x', now(), now())
""")
SAVE_USER = text("INSERT INTO users VALUES (:id, :name, :name, 'x')")
SAVE_CART = text("INSERT INTO carts VALUES (:id, 1, 1, CAST(:lines AS jsonb))")
SAVE_PRODUCT = text(
    "INSERT INTO products (id, name, price, stock) VALUES (:id, 'x', :price, :stock)"
)
SAVE_STOCK = text("UPDATE products SET stock = :stock WHERE id = :id")


def stock_shop(connection: Connection) -> None:
    """Store the products as they are before the shop opens."""
    for product_id, price in PRICES.items():
        values = {"id": product_id, "price": price, "stock": STOCK[product_id]}
        connection.execute(SAVE_PRODUCT, values)


def save(connection: Connection, fake: FakeShop) -> None:
    """Store all that came after `stock_shop`."""
    for number, name in enumerate(fake.users, 1):
        lines = [[key, *held, 0, 0] for key, held in fake.carts[name].items()]
        connection.execute(SAVE_USER, {"id": number, "name": name})
        connection.execute(SAVE_CART, {"id": number, "lines": json.dumps(lines)})
    for order in fake.orders:
        owner = fake.users.index(order["user"]["username"]) + 1
        values = {"id": order["id"], "user": owner, "total": order["total_price"]}
        connection.execute(SAVE_ORDER, values)
        connection.execute(SAVE_EVENT, {"id": order["id"]})
        for line in order["order_items"]:
            product = line["product"]
            connection.execute(
                SAVE_LINE,
                {"id": line["id"], "quantity": line["quantity"], "order": order["id"]}
                | {"product": product["id"], "price": product["price"]},
            )
    for product_id, left in fake.stock.items():
        connection.execute(SAVE_STOCK, {"id": product_id, "stock": left})
