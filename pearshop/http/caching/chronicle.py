"""What staff changed since a page was made, by which an old one may be as good as new. Pure."""

from collections import deque
from collections.abc import Mapping

from pearshop.http.caching.scope import Change, Scope, concerns

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

    def allows(self, scope: Scope | None, then: int, now: int) -> bool:
        """Return whether a page whose load began in one generation may be shown in another.

        Not if any change between them concerns it, nor if not all of them are known.
        """
        if then == now:
            return True
        if now != self._last or then < self._first:
            return False
        return not any(
            concerns(changes, scope) for generation, changes in self._since if generation > then
        )
