"""From page to page of a list whose addresses are cursors: on, and back the same way."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from pearshop.web.admin.forms import Form

FIRST = "~"
"""Stands in the trail for the first page, which has no cursor."""
LONGEST = 20
"""Pages that can be gone back; cursors are long, addresses must not be."""


@dataclass(frozen=True)
class Trail:
    """Where in a list somebody is: the page's cursor, and those of the pages before."""

    cursor: str | None
    before: tuple[str, ...]

    @classmethod
    def of(cls, query: Form) -> "Trail":
        """Return the trail in an address."""
        before = tuple(filter(None, query["back"].split(".")))[-LONGEST:]
        return cls(query["cursor"] or None, before)

    @property
    def number(self) -> int:
        """The page's number, as far as it is known."""
        return len(self.before) + 1

    def next(self, filters: Mapping[str, str], cursor: str | None) -> str | None:
        """Return the query of the next page, if there is one."""
        if cursor is None:
            return None
        before = (*self.before, self.cursor or FIRST)[-LONGEST:]
        return urlencode({**filters, "cursor": cursor, "back": ".".join(before)})

    def previous(self, filters: Mapping[str, str]) -> str | None:
        """Return the query of the page before; of the first page if the trail is lost."""
        if self.cursor is None:
            return None
        *rest, last = self.before or (FIRST,)
        found = dict(filters)
        if last != FIRST:
            found["cursor"] = last
        if rest:
            found["back"] = ".".join(rest)
        return urlencode(found)
