"""What one row of a product file says: a draft, or why it is refused. Pure."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

from pearshop.domain.product import (
    MAX_CATEGORY,
    MAX_DESCRIPTION,
    MAX_IMAGE,
    MAX_NAME,
    MAX_PRICE,
    MAX_SKU,
    MAX_STOCK,
    ProductDraft,
)
from pearshop.errors import Refused

COLUMNS = ("sku", "name", "price", "image", "description", "category", "stock")
"""Every column that a product file may have, in the order in which exports write them."""
REQUIRED = ("name", "price")
OPTIONAL = tuple(name for name in COLUMNS if name not in REQUIRED)

NOT_GOODS = {
    "ADJUST": "a correction of the books",
    "ADJUST2": "a correction of the books",
    "AMAZONFEE": "a market place's fee",
    "B": "a correction for bad debt",
    "BANK CHARGES": "a bank's charge",
    "C2": "carriage",
    "C3": "carriage",
    "CRUK": "a commission",
    "D": "a discount",
    "DOT": "postage",
    "M": "a manual entry",
    "PADS": "a token price",
    "POST": "postage",
    "S": "samples",
}
"""Codes that the trade books charges and corrections under, in upper case, and what each is.

Gift vouchers (`gift_0001_10`) and the `DCGS…` codes of the same trade are goods.
"""

MAX_NUMBER_TEXT = 40
_EXACT = Context(prec=2 * MAX_NUMBER_TEXT)
"""Holds every digit of a number that short, so nothing is ever rounded."""
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_LONGEST = {
    "sku": MAX_SKU,
    "name": MAX_NAME,
    "image": MAX_IMAGE,
    "description": MAX_DESCRIPTION,
    "category": MAX_CATEGORY,
}
_LINE_BREAKS = "\t\r\n"


class Refusal(Refused):
    """Why a row is not taken: a sentence that says what to do, and a stable code to count by."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can be stored. Only the `given` columns may change a product that exists."""

    line: int
    draft: ProductDraft
    given: frozenset[str]


class RowChecker:
    """Checks the rows of one file in their order, so that it knows a repeat when it comes.

    `exponent` is how many decimals a price may have; prices are stored as that many-decimals
    integers.
    """

    def __init__(self, exponent: int) -> None:
        self._exponent = exponent
        self._lines: dict[tuple[str, str], int] = {}

    def check(self, line: int, values: Mapping[str, str]) -> Row:
        """Return the row that starts on `line`. Raises `Refusal` with the first thing wrong."""
        texts = {name: value.strip() for name, value in values.items()}
        _check_members(texts)
        _check_goods(texts.get("sku", ""))
        _check_name(texts["name"])
        for name in _LONGEST:
            _check_text(name, texts.get(name, ""))
        draft = ProductDraft(
            name=texts["name"],
            price=price_of(texts["price"], self._exponent),
            image=texts.get("image", ""),
            description=texts.get("description", ""),
            category=texts.get("category", ""),
            sku=texts.get("sku") or None,
            stock=stock_of(texts.get("stock", "")),
        )
        self._check_first(line, draft)
        return Row(line, draft, frozenset(texts))

    def _check_first(self, line: int, draft: ProductDraft) -> None:
        if draft.sku is None:
            key, label = ("name", draft.name), "this name, also without a sku,"
        else:
            key, label = ("sku", draft.sku.upper()), f"sku {draft.sku}"
        earlier = self._lines.setdefault(key, line)
        if earlier != line:
            raise Refusal(
                f"{label} came on line {earlier} (letter case does not count in a sku): "
                "keep one of the two.",
                "repeated",
            )


def price_of(text: str, exponent: int) -> int:
    """Return a price in the shop's unit, exactly. Raises `Refusal`."""
    if not text:
        raise Refusal("price is empty: give the price of one piece.", "price_missing")
    value = _number(text)
    if value is None:
        raise Refusal(f"price is not a number like 2.55: {text[:40]!r}.", "price_not_number")
    if value <= 0:
        raise Refusal(f"price must be above zero, not {text}.", "price_not_positive")
    units = value.scaleb(exponent, _EXACT)
    if units > MAX_PRICE:
        most = Decimal(MAX_PRICE).scaleb(-exponent)
        raise Refusal(f"price must be {most:,f} at most, not {text}.", "price_too_large")
    if units != units.to_integral_value():
        raise Refusal(
            f"price {text} has more decimals than prices here, which have {exponent}: round it, "
            "or look up --price-exponent.",
            "price_decimals",
        )
    return int(units)


def stock_of(text: str) -> int | None:
    """Return a stock; `None`, not counted, for an empty one. Raises `Refusal`."""
    if not text:
        return None
    value = _number(text)
    if value is None or value != value.to_integral_value() or not 0 <= value <= MAX_STOCK:
        raise Refusal(
            f"stock must be a whole number from 0 to {MAX_STOCK:,}, or empty when it is not "
            f"counted, not {text[:40]!r}.",
            "stock_bad",
        )
    return int(value)


def _number(text: str) -> Decimal | None:
    if len(text) > MAX_NUMBER_TEXT or _NUMBER.fullmatch(text) is None:
        return None
    return Decimal(text)


def _check_members(texts: Mapping[str, str]) -> None:
    unknown = sorted(texts.keys() - set(COLUMNS))
    if unknown:
        raise Refusal(
            f"unknown member {unknown[0][:40]!r}: known are {', '.join(COLUMNS)}.", "columns"
        )
    for name in REQUIRED:
        if name not in texts:
            raise Refusal(f"{name} is missing.", "columns")


def _check_goods(sku: str) -> None:
    what = NOT_GOODS.get(sku.upper())
    if what is not None:
        raise Refusal(f"{sku} is no goods but {what}: leave it out.", "not_goods")


def _check_name(name: str) -> None:
    if not name:
        raise Refusal("name is empty: say what the product is called.", "name_empty")
    if not any(character.isalnum() for character in name):
        raise Refusal(f"name {name[:40]!r} has no letter or digit.", "name_blank")


def _check_text(name: str, text: str) -> None:
    longest = _LONGEST[name]
    if len(text) > longest:
        raise Refusal(
            f"{name} has {len(text):,} characters: {longest:,} at most.", f"{name}_too_long"
        )
    allowed = _LINE_BREAKS if name == "description" else ""
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cs"} and character not in allowed:
            raise Refusal(
                f"{name} holds the control character U+{ord(character):04X}: remove it.",
                "control_character",
            )
