"""What an order decides: which lines, at which prices, or why not. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pearshop.domain.cart import Cart, CartLine, line_id
from pearshop.domain.fulfilment import Status
from pearshop.domain.stock import StockLedger
from pearshop.errors import Conflict, Invalid

MAX_ADDRESS = 2_000
OUT_OF_STOCK = "out_of_stock"
"""Code of the refusal, and reason of each line that is short."""
MAX_TOTAL = (1 << 53) - 1
"""Largest total: what a JavaScript client still reads exactly."""


class Offer(NamedTuple):
    """A product as it can be bought now. `stock` is `None` when it is not counted."""

    product_id: int
    name: str
    price: int
    stock: int | None
    hidden: bool
    updated_at: datetime


class OrderLine(NamedTuple):
    """A line that was sold, at the price charged for one."""

    id: int
    product_id: int
    product_name: str
    price: int
    quantity: int
    created_at: datetime
    updated_at: datetime

    @property
    def total_price(self) -> int:
        """Price times quantity, as charged."""
        return self.price * self.quantity


class OrderEvent(NamedTuple):
    """An order has moved on."""

    status: Status
    created_at: datetime


class Order(NamedTuple):
    """An order. `events`: what happened after it was placed, the first first."""

    id: int
    user_id: int
    username: str
    delivery_address: str
    total_price: int
    lines: tuple[OrderLine, ...]
    created_at: datetime
    updated_at: datetime
    status: Status = Status.PLACED
    events: tuple[OrderEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """An order that may be placed: its cart lines, what each product costs, and the sum."""

    lines: tuple[CartLine, ...]
    total_price: int
    wanted: Mapping[int, int]


def plan_order(
    cart: Cart,
    numbers: tuple[int, ...],
    offers: Mapping[int, Offer],
    ledger: StockLedger,
    expected_total: int | None = None,
) -> OrderPlan:
    """Decide an order of the cart lines `numbers` and take its stock from the ledger.

    Raises `Invalid` for lines that are not in the cart and `Conflict` for products that are gone,
    short or dearer than expected; the ledger is then untouched.
    """
    by_number = {line.number: line for line in cart.lines}
    unknown = [line_id(cart.user_id, n) for n in numbers if n not in by_number]
    if unknown:
        raise unknown_lines(unknown)
    lines = tuple(by_number[number] for number in sorted(set(numbers)))
    wanted = {line.product_id: line.quantity for line in lines}
    _check_on_sale(cart, lines, offers)
    _check_stock(cart, lines, ledger.shortages(wanted))
    total = sum(offers[line.product_id].price * line.quantity for line in lines)
    _check_total(cart, lines, offers, total, expected_total)
    ledger.take(wanted)
    return OrderPlan(lines, total, wanted)


def unknown_lines(ids: list[int]) -> Invalid:
    """Return the refusal for lines that are not in the shopper's cart."""
    listed = ", ".join(map(str, ids[:20]))
    return Invalid(
        f"order_item_ids: not in your cart: {listed}.",
        "line_unknown",
        {
            "order_item_ids": [f"Not in your cart: {listed}."],
            "lines": [{"order_item_id": x, "reason": "unknown"} for x in ids],
        },
    )


def _check_on_sale(cart: Cart, lines: tuple[CartLine, ...], offers: Mapping[int, Offer]) -> None:
    gone = [x for x in lines if x.product_id not in offers or offers[x.product_id].hidden]
    if gone:
        raise Conflict(
            "Some products are no longer sold: take those lines out of the cart.",
            "product_gone",
            {"lines": [_named(cart, x, "product_gone") for x in gone]},
        )


def _check_stock(cart: Cart, lines: tuple[CartLine, ...], short: Mapping[int, int]) -> None:
    if short:
        raise Conflict(
            "Not enough is left of some products: lower the quantity or take those lines out.",
            OUT_OF_STOCK,
            {
                "lines": [
                    _named(cart, x, OUT_OF_STOCK) | {"available": short[x.product_id]}
                    for x in lines
                    if x.product_id in short
                ]
            },
        )


def _check_total(
    cart: Cart,
    lines: tuple[CartLine, ...],
    offers: Mapping[int, Offer],
    total: int,
    expected: int | None,
) -> None:
    if total > MAX_TOTAL:
        raise Conflict("The order's total is too large: split it.", "total_too_large")
    if expected is not None and expected != total:
        raise Conflict(
            f"The price has changed: the order now costs {total}, not {expected}.",
            "price_changed",
            {
                "total_price": total,
                "lines": [
                    _named(cart, x, "price_changed") | {"price": offers[x.product_id].price}
                    for x in lines
                ],
            },
        )


def _named(cart: Cart, line: CartLine, reason: str) -> dict[str, object]:
    return {
        "order_item_id": line_id(cart.user_id, line.number),
        "product_id": line.product_id,
        "reason": reason,
    }
