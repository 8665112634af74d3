"""What a row of a product file is taken for."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pearshop.catalogue.rows import NOT_GOODS, Refusal, RowChecker, price_of, stock_of
from pearshop.domain.product import MAX_PRICE, ProductDraft

GOOD = {"sku": "10002", "name": "GLOBE", "price": "0.85"}


def refusal(values: dict[str, str], exponent: int = 2) -> str:
    with pytest.raises(Refusal) as caught:
        RowChecker(exponent).check(2, values)
    assert caught.value.detail
    return caught.value.code


def test_a_good_row_is_trimmed_and_priced_in_the_shops_unit() -> None:
    row = RowChecker(2).check(7, {"sku": " 10002 ", "name": "GLOBE \t", "price": " 0.85"})
    assert row.line == 7
    assert row.draft == ProductDraft("GLOBE", 85, sku="10002")
    assert row.given == {"sku", "name", "price"}


def test_every_column_is_taken() -> None:
    more = {"image": "https://a/b.png", "description": "One\ntwo", "category": "Toys", "stock": "3"}
    draft = RowChecker(2).check(2, GOOD | more).draft
    assert (draft.image, draft.description, draft.category, draft.stock) == (
        "https://a/b.png",
        "One\ntwo",
        "Toys",
        3,
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": ""}, "name_empty"),
        ({"name": " \t "}, "name_empty"),
        ({"name": "?"}, "name_blank"),
        ({"name": "x" * 256}, "name_too_long"),
        ({"name": "a\x00b"}, "control_character"),
        ({"name": "a\nb"}, "control_character"),
        ({"name": "a\ud800b"}, "control_character"),
        ({"price": ""}, "price_missing"),
        ({"price": "2,55"}, "price_not_number"),
        ({"price": "£2.55"}, "price_not_number"),
        ({"price": "nan"}, "price_not_number"),
        ({"price": "Infinity"}, "price_not_number"),
        ({"price": "1_000"}, "price_not_number"),
        ({"price": "٣"}, "price_not_number"),
        ({"price": "0." + "0" * 99 + "1"}, "price_not_number"),
        ({"price": "0.00"}, "price_not_positive"),
        ({"price": "-1"}, "price_not_positive"),
        ({"price": "10000000.01"}, "price_too_large"),
        ({"price": "1e99"}, "price_too_large"),
        ({"price": "0.001"}, "price_decimals"),
        ({"price": "1.0000000000000000000000000000000000001"}, "price_decimals"),
        ({"sku": "x" * 65}, "sku_too_long"),
        ({"sku": "a\tb"}, "control_character"),
        ({"sku": "post"}, "not_goods"),
        ({"stock": "-1"}, "stock_bad"),
        ({"stock": "1.5"}, "stock_bad"),
        ({"stock": "many"}, "stock_bad"),
        ({"stock": "1000000001"}, "stock_bad"),
        ({"image": "x" * 2049}, "image_too_long"),
        ({"colour": "red"}, "columns"),
    ],
)
def test_a_bad_row_is_refused(change: dict[str, str], code: str) -> None:
    assert refusal(GOOD | change) == code


@pytest.mark.parametrize("missing", ["name", "price"])
def test_what_must_be_there_is_missed(missing: str) -> None:
    assert refusal({name: value for name, value in GOOD.items() if name != missing}) == "columns"


@pytest.mark.parametrize("code", NOT_GOODS)
def test_bookkeeping_codes_are_no_goods(code: str) -> None:
    assert refusal(GOOD | {"sku": code.lower()}) == "not_goods"


@pytest.mark.parametrize("code", ["DCGS0003", "DCGSSBOY", "gift_0001_10", "SP1002", "M1"])
def test_codes_of_goods_are_taken(code: str) -> None:
    assert RowChecker(2).check(2, GOOD | {"sku": code}).draft.sku == code


def test_a_sku_that_came_before_names_the_earlier_line() -> None:
    checker = RowChecker(2)
    checker.check(2, GOOD | {"sku": "15056BL"})
    with pytest.raises(Refusal, match="line 2 ") as caught:
        checker.check(5, GOOD | {"sku": "15056bl"})
    assert caught.value.code == "repeated"


def test_a_refused_row_does_not_claim_its_sku() -> None:
    checker = RowChecker(2)
    with pytest.raises(Refusal):
        checker.check(2, GOOD | {"price": ""})
    assert checker.check(3, GOOD).draft.sku == "10002"


def test_rows_without_a_sku_repeat_by_name() -> None:
    checker = RowChecker(2)
    checker.check(2, {"name": "GLOBE", "price": "1"})
    checker.check(3, GOOD)
    with pytest.raises(Refusal, match="line 2 "):
        checker.check(4, {"name": "GLOBE ", "price": "2", "sku": ""})


@pytest.mark.parametrize(
    ("text", "exponent", "price"),
    [
        ("2.55", 2, 255),
        ("2.550", 2, 255),
        ("3.", 0, 3),
        (".5", 1, 5),
        ("+4", 0, 4),
        ("1E2", 0, 100),
    ],
)
def test_prices(text: str, exponent: int, price: int) -> None:
    assert price_of(text, exponent) == price


@given(st.integers(1, MAX_PRICE), st.integers(0, 4))
def test_every_price_survives_its_text(price: int, exponent: int) -> None:
    assert price_of(f"{Decimal(price).scaleb(-exponent):f}", exponent) == price


@pytest.mark.parametrize(("text", "stock"), [("", None), ("0", 0), ("12.0", 12)])
def test_stocks(text: str, stock: int | None) -> None:
    assert stock_of(text) == stock
