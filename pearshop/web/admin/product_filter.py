"""Which products are meant: the filter of the list, which changes and exports take as well."""

from dataclasses import dataclass, field
from typing import Any, get_args

from pearshop.domain.product import Ordering
from pearshop.web.admin.desk import Desk
from pearshop.web.admin.forms import Form, Words

FILTERS = ("search", "category", "min", "max", "stock", "sale", "sort")
UNCATEGORISED = "-"
"""Stands for an empty category in the filter, where an empty text is any."""


@dataclass
class ProductFilter:
    """What was typed, what is wrong with it, and the members of a listing that the rest makes."""

    texts: Words
    members: dict[str, Any] = field(default_factory=dict)
    problems: Words = field(default_factory=Words)

    @property
    def ordering(self) -> Ordering | None:
        """The order that was chosen."""
        known = (each for each in get_args(Ordering) if each != "best")
        return next((each for each in known if each == self.texts["sort"]), None)


def read(desk: Desk, query: Form) -> ProductFilter:
    """Return the filter in an address or a form."""
    found = ProductFilter(query.filled(FILTERS))
    found.members = {
        "search": query["search"][:200],
        "category": query["category"].removeprefix(UNCATEGORISED) if query["category"] else None,
        "min_price": _limit(desk, query, "min", found.problems),
        "max_price": _limit(desk, query, "max", found.problems),
        "in_stock": {"in": True, "out": False}.get(query["stock"]),
        "hidden": True if query["sale"] == "off" else None,
    }
    return found


def _limit(desk: Desk, query: Form, name: str, problems: Words) -> int | None:
    if not query[name]:
        return None
    try:
        return desk.money.parse(query[name])
    except ValueError as error:
        problems[name] = str(error)
        return None
