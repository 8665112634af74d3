"""A change of many products as staff type it. Pure."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pearshop.domain.bulk import LEAST_PERCENT, MOST_PERCENT
from pearshop.web.admin import product_form
from pearshop.web.admin.forms import Form, Words
from pearshop.web.admin.money import Money

LABELS = {
    "percent": "Price",
    "new_category": "Category",
    "new_stock": "Stock",
    "new_sale": "On sale",
}
"""The fields; other than the filter's, which the form carries along."""
MEMBERS = {
    "price_percent": "percent",
    "category": "new_category",
    "stock": "new_stock",
    "hidden": "new_sale",
}
"""The fields by what the shop calls them."""
PERCENT = re.compile(r"[+-]?\d{1,4}(\.\d{1,2})?", re.ASCII)
AWAY = "away"
"""The box that takes the category away; an empty text leaves it as it is."""


@dataclass
class BulkForm:
    """Texts as they were typed, what is wrong with them, and what the rest is to change."""

    texts: Words
    members: dict[str, Any] = field(default_factory=dict)
    problems: Words = field(default_factory=Words)


def read(form: Form, money: Money) -> BulkForm:
    """Return what was typed; empty fields leave the products as they are."""
    found = BulkForm(form.filled((*LABELS, AWAY)))
    if found.texts["percent"]:
        try:
            found.members["price_percent"] = _percent(found.texts["percent"])
        except ValueError as error:
            found.problems["percent"] = str(error)
    filled = {name: found.texts[MEMBERS[name]] for name in ("category", "stock")}
    pairs = [(name, text) for name, text in filled.items() if text]
    typed = product_form.read(Form(pairs), money, tuple(name for name, _ in pairs))
    found.members |= typed.members
    found.problems |= {MEMBERS[name]: said for name, said in typed.problems.items()}
    if found.texts[AWAY]:
        found.members["category"] = ""
    if found.texts["new_sale"] in {"off", "on"}:
        found.members["hidden"] = found.texts["new_sale"] == "off"
    if not found.members and not found.problems:
        found.problems["percent"] = "Fill in at least one field: nothing would change."
    return found


def _percent(text: str) -> float:
    """Return a share of a hundred. Raises `ValueError` that says how to write it."""
    digits = text.removesuffix("%").strip()
    if not PERCENT.fullmatch(digits):
        raise ValueError("Write how many percent are added, like 5, or -10 to make it cheaper.")
    if not LEAST_PERCENT <= Decimal(digits) <= MOST_PERCENT:
        raise ValueError(f"Give {LEAST_PERCENT} to {MOST_PERCENT:,} percent.")
    return float(digits)
