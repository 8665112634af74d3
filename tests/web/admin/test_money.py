"""Prices as people read and type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pearshop.domain.product import MAX_PRICE
from pearshop.web.admin.money import Money

NAIRA, POUNDS = Money("NGN", 0), Money("GBP", 2)


@pytest.mark.parametrize(
    ("money", "amount", "shown"),
    [
        (NAIRA, 12500, "NGN\u00a012,500"),
        (POUNDS, 12500, "GBP\u00a0125.00"),
        (POUNDS, 5, "GBP\u00a00.05"),
        (POUNDS, -125, "GBP\u00a0-1.25"),
        (POUNDS, 123456789, "GBP\u00a01,234,567.89"),
    ],
)
def test_amounts_are_shown_with_their_currency(money: Money, amount: int, shown: str) -> None:
    assert money.show(amount) == shown


@pytest.mark.parametrize(
    ("money", "text", "amount"),
    [
        (POUNDS, "12.50", 1250),
        (POUNDS, "12.5", 1250),
        (POUNDS, "12", 1200),
        (POUNDS, " 1,250.00 ", 125000),
        (POUNDS, "1 250", 125000),
        (POUNDS, "GBP 3.20", 320),
        (NAIRA, "1,250", 1250),
        (NAIRA, "0", 0),
    ],
)
def test_prices_are_read_as_they_are_typed(money: Money, text: str, amount: int) -> None:
    assert money.parse(text) == amount


@pytest.mark.parametrize(
    ("money", "text", "says"),
    [
        (POUNDS, "", "like 12.50"),
        (POUNDS, "free", "like 12.50"),
        (POUNDS, "12,50", "like 12.50"),
        (POUNDS, "12.505", "at most 2 decimals"),
        (POUNDS, "12.", "like 12.50"),
        (POUNDS, "-1", "like 12.50"),
        (POUNDS, "1e3", "like 12.50"),
        (POUNDS, "1,25,000", "like 12.50"),
        (POUNDS, "1,250 000", "like 12.50"),
        (NAIRA, "12.50", "no decimals"),
        (NAIRA, "1,000,000,001", "highest price is 1,000,000,000"),
        (NAIRA, "٣", "like 1250"),
    ],
)
def test_what_is_no_price_is_answered_by_an_example(money: Money, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        money.parse(text)


@given(st.integers(0, MAX_PRICE), st.integers(0, 4))
def test_what_is_shown_is_read_back(amount: int, exponent: int) -> None:
    money = Money("XTS", exponent)
    assert money.parse(money.show(amount)) == amount
    assert money.parse(money.typed(amount)) == amount
