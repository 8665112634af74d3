"""One customer of the trace: fills a cart, orders it, drops what is out of stock, comes again."""

from collections.abc import Callable, Sequence
from typing import Any

from loadtests.book import Acknowledged, Book, SoldLine
from loadtests.client import Account, Answer, GaveUpError
from loadtests.trace import Add, Invoice

Lines = dict[int, Add]
"""A cart as its owner knows it: product and quantity by line id."""


class Shopper:
    """Replays invoices in their order and notes in the book what the shop acknowledged.

    Lines that are out of stock are taken out of the cart and the rest is ordered; of the last
    invoice they stay in the cart, as for a shopper who waits for more to come in.
    """

    def __init__(self, account: Account, book: Book) -> None:
        self._account = account
        self._book = book
        self._cart: Lines = {}
        self._counts = account.api.stats.counts
        self._sent = 0
        self._note_cart()

    async def replay(self, invoices: Sequence[Invoice], done: Callable[[], None]) -> None:
        """Replay all invoices; a request without an answer ends it, with a note in the book."""
        try:
            for invoice in invoices:
                for add in invoice.adds:
                    await self._add(add)
                    done()
                await self._order(invoice, keep=invoice is invoices[-1])
        except GaveUpError as error:
            self._problem(str(error))
        finally:
            self._note_cart()

    async def _add(self, add: Add) -> None:
        body = {"product_id": add.product_id, "quantity": add.quantity}
        answer = await self._send("add", "POST", "/api/order-item/", body)
        if answer.status != 201:
            self._problem(f"add of product {add.product_id}: {answer.problem()}")
            return
        held = self._line_of(add.product_id)
        quantity = add.quantity + (self._cart[held].quantity if held else 0)
        line = answer.body
        same_line = line["id"] == held if held else line["id"] not in self._cart
        if not same_line or Add(line["product"]["id"], line["quantity"]) != Add(
            add.product_id, quantity
        ):
            self._problem(f"{add} on line {held} was answered with line {line['id']}")
        self._counts["adds"] += 1
        self._counts["adds that raised a line"] += held is not None
        self._cart[line["id"]] = Add(add.product_id, quantity)

    async def _order(self, invoice: Invoice, keep: bool) -> None:
        ids = list(self._cart)
        refused = False
        while ids:
            body = {
                "delivery_address": f"Customer {invoice.customer}, {invoice.country}",
                "order_item_ids": ids,
            }
            answer = await self._send("order", "POST", "/api/order/", body)
            if answer.status == 201:
                self._note_order(answer.body, ids)
                self._counts["orders"] += 1
                self._counts["orders without what was out of stock"] += refused
                return
            short = _short(answer)
            if not short & set(ids):
                self._problem(f"order of invoice {invoice.number}: {answer.problem()}")
                return
            refused = True
            self._counts["orders refused for stock"] += 1
            self._counts["lines out of stock"] += len(short)
            ids = [each for each in ids if each not in short]
            if not keep:
                for each in short:
                    await self._drop(each)
        self._counts["invoices with nothing left to order"] += 1

    async def _drop(self, line_id: int) -> None:
        answer = await self._send("drop", "DELETE", f"/api/order-item/{line_id}/", None)
        if answer.status != 204:
            self._problem(f"drop of line {line_id}: {answer.problem()}")
            return
        self._counts["drops"] += 1
        del self._cart[line_id]

    async def _send(self, kind: str, method: str, path: str, body: Any) -> Answer:
        self._sent += 1
        key = f"{self._account.username}-{self._sent}"
        return await self._account.send(kind, method, path, body, key)

    def _line_of(self, product_id: int) -> int | None:
        return next((key for key, add in self._cart.items() if add.product_id == product_id), None)

    def _note_order(self, order: dict[str, Any], ids: Sequence[int]) -> None:
        items = order["order_items"]
        asked = {(each, self._cart[each].product_id, self._cart[each].quantity) for each in ids}
        lines = tuple(_sold(item) for item in items)
        if {(line.id, line.product_id, line.quantity) for line in lines} != asked:
            self._problem(f"order {order['id']} has other lines than were ordered")
        if any(item["total_price"] != _sold(item).price * item["quantity"] for item in items):
            self._problem(f"order {order['id']} has a line with a wrong total")
        for each in ids:
            del self._cart[each]
        name, total = order["user"]["username"], order["total_price"]
        self._book.add_order(Acknowledged(order["id"], name, total, lines))
        if name != self._account.username:
            self._problem(f"order {order['id']} was given to {name}")

    def _note_cart(self) -> None:
        self._book.carts[self._account.username] = {
            add.product_id: add.quantity for add in self._cart.values()
        }

    def _problem(self, what: str) -> None:
        self._book.problems.append(f"{self._account.username}: {what}")


def _sold(item: dict[str, Any]) -> SoldLine:
    product = item["product"]
    return SoldLine(item["id"], product["id"], item["quantity"], product["price"])


def _short(answer: Answer) -> set[int]:
    """Return the line ids that a refusal names as out of stock; none for any other answer."""
    if answer.status != 409 or answer.body.get("code") != "out_of_stock":
        return set()
    return {line["order_item_id"] for line in answer.body["lines"]}
