"""Sparse fields: which members of an answer stay."""

from typing import Any

import pytest

from pearshop.schemas.fields import sparse, tree_of
from pearshop.schemas.order import OrderOut
from pearshop.schemas.product import ProductOut

ORDER: dict[str, Any] = {
    "id": 1,
    "user": "ada",
    "order_items": [
        {"id": 2, "quantity": 3, "product": {"id": 4, "name": "Pear"}},
        {"id": 5, "quantity": 6, "product": None},
    ],
}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("id", {"id": 1}),
        (" id , user ", {"id": 1, "user": "ada"}),
        ("order_items.id", {"order_items": [{"id": 2}, {"id": 5}]}),
        (
            "id,order_items.product.name",
            {"id": 1, "order_items": [{"product": {"name": "Pear"}}, {"product": None}]},
        ),
        (
            "order_items.product.id,order_items.id",
            {"order_items": [{"product": {"id": 4}, "id": 2}, {"product": None, "id": 5}]},
        ),
        ("order_items,order_items.id", {"order_items": ORDER["order_items"]}),
        ("order_items.id,order_items", {"order_items": ORDER["order_items"]}),
    ],
)
def test_the_named_members_stay(names: str, expected: object) -> None:
    assert sparse(ORDER, tree_of(OrderOut, names)) == expected
    assert sparse([ORDER], tree_of(OrderOut, names)) == [expected]


def test_without_names_all_stay() -> None:
    assert sparse(ORDER, None) is ORDER


@pytest.mark.parametrize(
    "name", ["", "nam", "id.x", "name.", ".name", "__class__", "model_fields", "order_items.price"]
)
def test_a_wrong_name_is_told(name: str) -> None:
    with pytest.raises(ValueError, match="there is no field"):
        tree_of(ProductOut, f"id,{name}")
