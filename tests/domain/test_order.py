"""What an order decides."""

from datetime import UTC, datetime

import pytest

from pearshop.domain.cart import MAX_LINES, MAX_QUANTITY, Cart, CartLine, line_id
from pearshop.domain.order import MAX_TOTAL, Offer, plan_order
from pearshop.domain.product import MAX_PRICE
from pearshop.domain.stock import StockLedger
from pearshop.errors import Conflict, Invalid

THEN = datetime(2026, 1, 1, tzinfo=UTC)
CART = Cart(9, lines=(CartLine(1, 10, 2, 0, 0), CartLine(2, 20, 3, 0, 0)))
OFFERS = {10: Offer(10, "Pear", 100, 5, False, THEN), 20: Offer(20, "Plum", 7, None, False, THEN)}


def _ledger() -> StockLedger:
    return StockLedger({product: offer.stock for product, offer in OFFERS.items()})


def test_an_order_sums_its_lines_and_takes_their_stock() -> None:
    ledger = _ledger()
    plan = plan_order(CART, (1, 2), OFFERS, ledger)
    assert plan.total_price == 2 * 100 + 3 * 7
    assert ledger.taken == {10: 2}


def test_a_line_named_twice_is_ordered_once() -> None:
    plan = plan_order(CART, (1, 1), OFFERS, _ledger())
    assert [line.number for line in plan.lines] == [1]


def test_unknown_lines_are_named() -> None:
    with pytest.raises(Invalid) as refusal:
        plan_order(CART, (1, 7, 8), OFFERS, _ledger())
    named = [line["order_item_id"] for line in refusal.value.extra["lines"]]
    assert named == [line_id(9, 7), line_id(9, 8)]


@pytest.mark.parametrize(
    "offers", [{20: OFFERS[20]}, OFFERS | {10: OFFERS[10]._replace(hidden=True)}]
)
def test_products_that_are_gone_are_named(offers: dict[int, Offer]) -> None:
    with pytest.raises(Conflict) as refusal:
        plan_order(CART, (1, 2), offers, _ledger())
    assert refusal.value.code == "product_gone"
    assert [line["product_id"] for line in refusal.value.extra["lines"]] == [10]


def test_a_shortage_names_the_line_and_what_is_left_and_takes_nothing() -> None:
    ledger = StockLedger({10: 1, 20: None})
    with pytest.raises(Conflict) as refusal:
        plan_order(CART, (1, 2), OFFERS, ledger)
    assert refusal.value.code == "out_of_stock"
    assert refusal.value.extra["lines"] == [
        {
            "order_item_id": line_id(9, 1),
            "product_id": 10,
            "reason": "out_of_stock",
            "available": 1,
        }
    ]
    assert ledger.taken == {}


def test_a_total_that_is_not_the_expected_one_is_refused() -> None:
    assert plan_order(CART, (1,), OFFERS, _ledger(), expected_total=200)
    with pytest.raises(Conflict) as refusal:
        plan_order(CART, (1,), OFFERS, _ledger(), expected_total=199)
    assert refusal.value.extra["total_price"] == 200
    assert refusal.value.extra["lines"][0]["price"] == 100


def test_a_total_beyond_what_clients_can_read_is_refused() -> None:
    lines = tuple(CartLine(n, n, MAX_QUANTITY, 0, 0) for n in range(1, MAX_LINES + 1))
    offers = {n: Offer(n, "Dear", MAX_PRICE, None, False, THEN) for n in range(1, MAX_LINES + 1)}
    ledger = StockLedger(dict.fromkeys(offers))
    assert MAX_LINES * MAX_QUANTITY * MAX_PRICE > MAX_TOTAL
    with pytest.raises(Conflict) as refusal:
        plan_order(Cart(9, lines=lines), tuple(offers), offers, ledger)
    assert refusal.value.code == "total_too_large"
