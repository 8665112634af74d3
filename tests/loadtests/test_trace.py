"""What of the trace is replayed."""

from collections import Counter

import pytest

from loadtests.trace import Add, TraceLine, make_plan, read_lines
from tests.conftest import SHARED_DATA

CATALOGUE = {"A1": 1, "B1": 2}
LINE = TraceLine("7", "2010-12-01 08:26:00", "1", "A1", "6", "2.55", "HEART", "France")
TRACE = SHARED_DATA / "orders.csv.gz"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"invoice": "C1"}, "cancellation"),
        ({"customer": ""}, "no customer"),
        ({"quantity": "-1"}, "quantity not positive"),
        ({"quantity": "0"}, "quantity not positive"),
        ({"unit_price": "0.0"}, "price not positive"),
        ({"unit_price": "-2"}, "price not positive"),
        ({"product": "POST"}, "not in the catalogue"),
        ({"quantity": "10001"}, "quantity above 10,000"),
    ],
)
def test_what_a_shop_cannot_sell_is_left_out(change: dict[str, str], reason: str) -> None:
    plan = make_plan([LINE._replace(**change)], CATALOGUE, 9)
    assert (plan.invoices, plan.skipped) == ([], Counter({reason: 1}))


def test_duplicates_go_and_repeats_stay() -> None:
    lines = [
        LINE,
        LINE,
        LINE._replace(quantity="4"),
        LINE._replace(product="a1", quantity="9990"),
        LINE._replace(product="a1", quantity="1"),
        LINE._replace(product="b1"),
    ]
    plan = make_plan(lines, CATALOGUE, 9)
    (invoice,) = plan.invoices
    assert invoice.adds == [Add(1, 6), Add(1, 4), Add(1, 9990), Add(2, 6)]
    assert plan.demand() == {1: 10_000, 2: 6}
    assert plan.skipped == {"exact duplicate": 1, "quantity above 10,000": 1}


def test_a_cart_takes_no_more_lines_than_it_holds() -> None:
    lines = [LINE._replace(product=f"P{n}") for n in range(1_002)]
    plan = make_plan(lines, {f"P{n}": n for n in range(1_002)}, 9)
    assert len(plan.invoices[0].adds) == 1_000
    assert plan.skipped == {"more than 1,000 lines": 2}


def test_the_first_invoices_are_taken_and_keep_their_order_for_each_customer() -> None:
    numbers = [("1", "7"), ("2", "8"), ("3", "7"), ("4", "9")]
    lines = [LINE._replace(invoice=n, customer=c) for n, c in numbers]
    plan = make_plan([*lines[:2], lines[0]._replace(quantity="1"), *lines[2:]], CATALOGUE, 3)
    assert [[each.number for each in one] for one in plan.by_customer()] == [["1", "3"], ["2"]]


@pytest.mark.skipif(not TRACE.exists(), reason=f"the shop data is absent: put it at {TRACE}")
def test_the_real_trace_has_two_thousand_invoices() -> None:
    codes = {line.product.upper() for line in read_lines(TRACE)} - {"POST", "M", "C2", "DOT"}
    plan = make_plan(read_lines(TRACE), {code: n for n, code in enumerate(codes)}, 2_000)
    assert len(plan.invoices) == 2_000
    assert len(plan.by_customer()) > 1_000
    assert all(invoice.adds for invoice in plan.invoices)
    assert set(plan.skipped) >= {"cancellation", "no customer", "exact duplicate"}
