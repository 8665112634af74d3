"""What goes onto the wire, member by member, and what comes off it."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from pearshop.domain.cart import MAX_QUANTITY, CartLine, line_id
from pearshop.domain.fulfilment import Status
from pearshop.domain.order import Order, OrderEvent, OrderLine
from pearshop.domain.product import Product
from pearshop.schemas.base import instant
from pearshop.schemas.cart import LineIn, LineOut, LinePatch, render_line
from pearshop.schemas.order import OrderIn, OrderOut, StatusName, render_order, render_sold
from pearshop.schemas.problem import render_problem
from pearshop.schemas.product import ProductIn, ProductOut, ProductPatch, render_product
from pearshop.schemas.user import CredentialsIn

THEN = datetime(2026, 11, 20, 12, 30, 15, 250, tzinfo=UTC)
LATER = datetime(2026, 11, 21, tzinfo=UTC)
THEN_TEXT = "2026-11-20T12:30:15.000250Z"
LATER_TEXT = "2026-11-21T00:00:00.000000Z"

PEAR = Product(7, "P-7", "Pear", 250, "", "Soft", "Fruit", 12, False, THEN, LATER)
PEAR_TEXT = {
    "id": 7,
    "name": "Pear",
    "price": 250,
    "image": "",
    "description": "Soft",
    "sku": "P-7",
    "category": "Fruit",
    "stock": 12,
    "hidden": False,
    "created_at": THEN_TEXT,
    "updated_at": LATER_TEXT,
}
ADA = {"id": 3, "username": "ada"}


def micros(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def assert_has_all_members_of(model: type[BaseModel], rendered: dict[str, Any]) -> None:
    assert rendered.keys() == model.model_fields.keys()
    TypeAdapter(model).validate_python(rendered)


class TestInstant:
    @pytest.mark.parametrize(("moment", "text"), [(THEN, THEN_TEXT), (LATER, LATER_TEXT)])
    def test_is_utc_with_six_decimals(self, moment: datetime, text: str) -> None:
        assert instant(moment) == text
        assert datetime.fromisoformat(text) == moment


class TestProduct:
    def test_shows_every_member(self) -> None:
        assert render_product(PEAR) == PEAR_TEXT
        assert_has_all_members_of(ProductOut, render_product(PEAR))


class TestLine:
    def test_costs_the_present_price_times_the_quantity(self) -> None:
        line = CartLine(5, 7, 4, micros(THEN), micros(LATER))
        rendered = render_line(3, "ada", line, PEAR)
        assert rendered == {
            "id": line_id(3, 5),
            "product": PEAR_TEXT,
            "quantity": 4,
            "total_price": 1_000,
            "user": ADA,
            "created_at": THEN_TEXT,
            "updated_at": LATER_TEXT,
        }
        assert_has_all_members_of(LineOut, rendered)


class TestOrder:
    def test_knows_every_status(self) -> None:
        assert get_args(StatusName) == tuple(Status)

    SOLD = OrderLine(55, 7, "Pear as sold", 200, 4, THEN, LATER)

    def test_a_sold_line_keeps_the_name_and_price_of_the_sale(self) -> None:
        rendered = render_sold(3, "ada", self.SOLD, PEAR)
        assert rendered == {
            "id": 55,
            "product": PEAR_TEXT | {"name": "Pear as sold", "price": 200},
            "quantity": 4,
            "total_price": 800,
            "user": ADA,
            "created_at": THEN_TEXT,
            "updated_at": LATER_TEXT,
        }
        assert_has_all_members_of(LineOut, rendered)

    def test_an_order_shows_its_lines_and_the_total_as_charged(self) -> None:
        events = (OrderEvent(Status.PACKED, LATER),)
        sold = (self.SOLD,)
        order = Order(9, 3, "ada", "1 Pear St", 800, sold, THEN, LATER, Status.PACKED, events)
        rendered = render_order(order, {7: PEAR})
        assert rendered == {
            "id": 9,
            "user": ADA,
            "delivery_address": "1 Pear St",
            "order_items": [render_sold(3, "ada", self.SOLD, PEAR)],
            "total_price": 800,
            "status": "packed",
            "events": [
                {"status": "placed", "created_at": THEN_TEXT},
                {"status": "packed", "created_at": LATER_TEXT},
            ],
            "created_at": THEN_TEXT,
            "updated_at": LATER_TEXT,
        }
        assert_has_all_members_of(OrderOut, rendered)


class TestProblem:
    def test_has_detail_code_title_status_and_what_else_there_is(self) -> None:
        assert render_problem(409, "Conflict", "No.", "out_of_stock", {"lines": []}) == {
            "detail": "No.",
            "code": "out_of_stock",
            "title": "Conflict",
            "status": 409,
            "lines": [],
        }


class TestRequests:
    def test_forms_send_numbers_as_text(self) -> None:
        assert LineIn.model_validate({"product_id": "7", "quantity": "2"}) == LineIn(
            product_id=7, quantity=2
        )

    @pytest.mark.parametrize(
        "quantity", [0, -1, MAX_QUANTITY + 1, 1.5, True, False, None, "", "x", "\u0663", [1], 2**64]
    )
    def test_quantities_out_of_bounds(self, quantity: Any) -> None:
        with pytest.raises(ValidationError):
            LineIn.model_validate({"product_id": 7, "quantity": quantity})

    @pytest.mark.parametrize("product_id", [0, -1, 2**63, True, 1.5, "", None])
    def test_ids_that_are_none(self, product_id: Any) -> None:
        with pytest.raises(ValidationError):
            LineIn.model_validate({"product_id": product_id, "quantity": 1})

    @pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", ""])
    def test_text_that_cannot_be_stored(self, text: str) -> None:
        for member in ("username", "password"):
            with pytest.raises(ValidationError, match=member):
                CredentialsIn.model_validate({"username": "ada", "password": "x"} | {member: text})

    def test_what_is_not_named_is_ignored(self) -> None:
        assert (
            "is_staff"
            not in CredentialsIn.model_validate(
                {"username": "ada", "password": "x", "is_staff": True}
            ).model_dump()
        )

    def test_an_empty_field_is_no_sku_and_no_stock(self) -> None:
        wish = ProductIn.model_validate({"name": "Pear", "price": "5", "sku": "", "stock": ""})
        assert (wish.sku, wish.stock) == (None, None)

    def test_a_patch_knows_what_was_sent(self) -> None:
        assert ProductPatch.model_validate({"stock": None}).model_fields_set == {"stock"}
        assert LinePatch.model_validate({}).model_fields_set == set()

    @pytest.mark.parametrize("member", ["name", "price", "image", "description", "category"])
    def test_a_patch_sets_no_member_to_null_that_must_have_a_value(self, member: str) -> None:
        with pytest.raises(ValidationError):
            ProductPatch.model_validate({member: None})

    @pytest.mark.parametrize(
        "change",
        [
            {"delivery_address": " \n"},
            {"delivery_address": "x" * 2_001},
            {"order_item_ids": []},
            {"order_item_ids": list(range(1, 1_002))},
            {"order_item_ids": [True]},
            {"expected_total_price": -1},
        ],
        ids=lambda change: repr(change)[:32],
    )
    def test_orders_that_cannot_be(self, change: dict[str, Any]) -> None:
        wish = {"delivery_address": "1 Pear St", "order_item_ids": [1]}
        assert OrderIn.model_validate(wish).expected_total_price is None
        with pytest.raises(ValidationError):
            OrderIn.model_validate(wish | change)
