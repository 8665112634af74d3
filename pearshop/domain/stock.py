"""The stock ledger: what is left while a batch of orders is decided. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple


class Left(NamedTuple):
    """Pieces that are left of a counted product after an order.

    `since` is when staff last changed the product: until they do so again, pieces only get fewer.
    """

    pieces: int
    since: datetime


class StockLedger:
    """Stock on hand by product id; `None` stands for a product that is not counted.

    The caller holds the rows locked, so what the ledger grants can be written as it stands.
    """

    def __init__(self, left: Mapping[int, int | None]) -> None:
        self._left = dict(left)
        self._taken: dict[int, int] = {}

    def shortages(self, wanted: Mapping[int, int]) -> dict[int, int]:
        """Return how many are left of each product of which fewer are left than wanted."""
        return {
            product_id: left
            for product_id, quantity in wanted.items()
            if (left := self._left[product_id]) is not None and left < quantity
        }

    def take(self, wanted: Mapping[int, int]) -> None:
        """Take all of `wanted`, or raise `ValueError` and take nothing."""
        if self.shortages(wanted):
            raise ValueError("not enough stock")
        for product_id, quantity in wanted.items():
            left = self._left[product_id]
            if left is not None:
                self._left[product_id] = left - quantity
                self._taken[product_id] = self._taken.get(product_id, 0) + quantity

    @property
    def left(self) -> dict[int, int]:
        """What is left of each counted product of which something was taken."""
        return {product_id: self._left[product_id] or 0 for product_id in self._taken}

    @property
    def taken(self) -> dict[int, int]:
        """What was taken so far of each counted product."""
        return dict(self._taken)
