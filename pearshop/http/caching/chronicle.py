"""What staff changed since a page was made, by which an old one may be as good as new. Pure."""

import contextlib
from collections import deque
from collections.abc import Mapping

from pearshop.http.caching.scope import Change, Scope, altered_by
from pearshop.http.caching.shared import LeasedPage
from pearshop.http.pages import Page

REMEMBERED = 500
"""Notices of changes, at most."""


class Chronicle:
    """The changes that notices told of, by the generation of all pages that each began.

    It has no gaps: each notice names the generation before it, and where that is not the last one
    known, all is forgotten. A generation is a number that Redis gave, see `shared`.
    """

    def __init__(self) -> None:
        self._first = self._last = 0
        self._since: deque[tuple[int, Mapping[int, Change]]] = deque()

    def add(self, before: int, after: int, changes: Mapping[int, Change]) -> None:
        """Note that these changes followed one generation, and began another."""
        if before != self._last:
            self._since.clear()
            self._first = before
        self._since.append((after, changes))
        self._last = after
        if len(self._since) > REMEMBERED:
            self._first, _ = self._since.popleft()

    def read(self, leased: LeasedPage) -> tuple[Page | None, set[int]]:
        """Return the page that Redis had, if any and if it still lists the right products.

        And those of them that it has to show otherwise by now.
        """
        if leased.kept is not None:
            with contextlib.suppress(ValueError):
                page = Page.decode(leased.kept.value, leased.kept.age)
                altered = self.altered(page.scope, leased.kept.generation, leased.generation)
                if altered is not None:
                    return page, altered
        return None, set()

    def altered(self, scope: Scope | None, then: int, now: int) -> set[int] | None:
        """Return which products a page must show otherwise in one generation than in another.

        `then` is when its load began. `None`: it may list other products by now, for a change may
        have brought them, or not all changes are known.
        """
        found = set[int]()
        if then == now:
            return found
        if now != self._last or then < self._first:
            return None
        for generation, changes in self._since:
            if generation > then:
                altered = altered_by(changes, scope)
                if altered is None:
                    return None
                found |= altered
        return found
