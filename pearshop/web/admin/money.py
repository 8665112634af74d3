"""Prices as people read and type them."""

import re
from dataclasses import dataclass

from pearshop.domain.product import MAX_PRICE

GROUPED = re.compile(r"\d{1,3}(?:([, \u00a0])\d{3})?(?:\1\d{3})*|\d+", re.ASCII)
DECIMALS = re.compile(r"[0-9]+")
NO_BREAK = "\u00a0"


@dataclass(frozen=True)
class Money:
    """The shop's currency. A price of 1250 with exponent 2 is 12.50."""

    currency: str
    exponent: int

    def show(self, amount: int) -> str:
        """Return an amount for people, with its currency: `GBP 1,250.00`."""
        return f"{self.currency}{NO_BREAK}{self.number(amount)}"

    def number(self, amount: int) -> str:
        """Return an amount for people, for where the currency stands already."""
        whole, rest = divmod(abs(amount), 10**self.exponent)
        decimals = f".{rest:0{self.exponent}d}" if self.exponent else ""
        return f"{'-' if amount < 0 else ''}{whole:,}{decimals}"

    def typed(self, amount: int) -> str:
        """Return an amount as it is typed, without groups."""
        return self.number(amount).replace(",", "")

    @property
    def example(self) -> str:
        """How a price is written."""
        return self.typed(1250)

    def parse(self, text: str) -> int:
        """Return the price that somebody typed. Raises `ValueError` that says how to write it."""
        whole, point, decimals = text.strip().removeprefix(self.currency).strip().partition(".")
        if not GROUPED.fullmatch(whole) or (point and not DECIMALS.fullmatch(decimals)):
            raise ValueError(f"Write the price as a number, like {self.example}.")
        if len(decimals) > self.exponent:
            allowed = f"at most {self.exponent} decimals" if self.exponent else "no decimals"
            raise ValueError(f"Prices in {self.currency} have {allowed}, like {self.example}.")
        amount = int(re.sub(r"\D", "", whole) + decimals.ljust(self.exponent, "0"))
        if amount > MAX_PRICE:
            raise ValueError(f"The highest price is {self.number(MAX_PRICE)}.")
        return amount
