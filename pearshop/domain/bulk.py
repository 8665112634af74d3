"""What staff change of many products at once. Pure."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from pearshop.domain.product import MAX_PRICE, Product
from pearshop.errors import Invalid

MOST = 5_000
"""Products that one change may concern: so many row locks are held for well under a second."""
LEAST_PERCENT, MOST_PERCENT = Decimal(-99), Decimal(1_000)


class BulkEdit(NamedTuple):
    """What is set; `None` leaves as it is. `price_percent` is added to each price."""

    price_percent: Decimal | None = None
    category: str | None = None
    stock: int | None = None
    hidden: bool | None = None


def edited(product: Product, edit: BulkEdit) -> dict[str, Any]:
    """Return the members of a product that an edit would change, as they would be.

    A price is rounded to whole units, half of one upwards. Raises `Invalid` for one that would be
    too large.
    """
    wished: dict[str, Any] = {
        name: getattr(edit, name)
        for name in ("category", "stock", "hidden")
        if getattr(edit, name) is not None
    }
    if edit.price_percent is not None:
        wished["price"] = _raised(product, edit.price_percent)
    return {name: value for name, value in wished.items() if getattr(product, name) != value}


def _raised(product: Product, percent: Decimal) -> int:
    price = product.price * (100 + percent) / 100
    whole = int(price.to_integral_value(ROUND_HALF_UP))
    if whole > MAX_PRICE:
        raise Invalid.of(
            "price_percent", f"product {product.id} would cost {whole}, more than is possible."
        )
    return whole
