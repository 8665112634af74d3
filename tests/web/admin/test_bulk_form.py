"""A change of many products as staff type it."""

from typing import Any

import pytest

from pearshop.web.admin import bulk_form
from pearshop.web.admin.forms import Form
from pearshop.web.admin.money import Money

MONEY = Money("GBP", 2)


@pytest.mark.parametrize(
    ("typed", "members"),
    [
        ({"percent": "-10"}, {"price_percent": -10.0}),
        ({"percent": "+2.25 %"}, {"price_percent": 2.25}),
        ({"new_stock": "1,000", "new_sale": "off"}, {"stock": 1000, "hidden": True}),
        ({"new_sale": "on", "new_category": "Bags"}, {"hidden": False, "category": "Bags"}),
        ({"new_category": "Bags", "away": "yes"}, {"category": ""}),
    ],
)
def test_what_is_filled_in_is_changed(typed: dict[str, str], members: dict[str, Any]) -> None:
    found = bulk_form.read(Form(list(typed.items())), MONEY)
    assert (found.members, found.problems) == (members, {})


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({}, "percent"),
        ({"percent": "ten"}, "percent"),
        ({"percent": "1.234"}, "percent"),
        ({"percent": "-100"}, "percent"),
        ({"percent": "1001"}, "percent"),
        ({"new_stock": "lots"}, "new_stock"),
        ({"new_category": "x" * 1000}, "new_category"),
    ],
)
def test_mistakes_are_named(typed: dict[str, str], field: str) -> None:
    assert list(bulk_form.read(Form(list(typed.items())), MONEY).problems) == [field]
