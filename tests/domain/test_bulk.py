"""What an edit of many products makes of one."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from pearshop.domain.bulk import BulkEdit, edited
from pearshop.domain.product import MAX_PRICE, Product
from pearshop.errors import Invalid

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def product(price: int = 100) -> Product:
    return Product(1, None, "Pear", price, "", "", "Fruit", 5, False, NOW, NOW)


@pytest.mark.parametrize(
    ("price", "percent", "expected"),
    [
        (100, "10", 110),
        (105, "-10", 95),  # 94.5
        (3, "-50", 2),  # 1.5
        (1, "-51", 0),
        (333, "33.33", 444),  # 443.99
        (7, "1000", 77),
    ],
)
def test_a_price_is_rounded_to_whole_units(price: int, percent: str, expected: int) -> None:
    assert edited(product(price), BulkEdit(Decimal(percent))) == {"price": expected}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (BulkEdit(category="Fruit", stock=5, hidden=False), {}),
        (BulkEdit(Decimal(0)), {}),
        (BulkEdit(category="", stock=0), {"category": "", "stock": 0}),
        (BulkEdit(hidden=True), {"hidden": True}),
    ],
)
def test_only_what_differs_is_changed(edit: BulkEdit, expected: dict[str, Any]) -> None:
    assert edited(product(), edit) == expected


def test_a_price_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(Invalid, match="product 1 would cost"):
        edited(product(MAX_PRICE), BulkEdit(Decimal("0.01")))
