"""Telling Redis, and through it the other replicas, of changes, until Redis has heard.

A Redis that hangs over a change and comes back with what it had before would show it for a minute:
so what it did not answer is told again.
"""

from collections.abc import Mapping, Sequence

from pearshop.http.caching.notices import Notice
from pearshop.http.caching.scope import Change
from pearshop.http.caching.shared import Shared

REMEMBERED = 10_000
"""Products that Redis was not told of, at most; of more, it is told to forget everything."""


class Telling:
    """What one replica has to tell."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._changed: dict[int, Change] = {}
        self._sold: dict[int, int] = {}
        self._everything = False

    async def changed(self, changes: Mapping[int, Change], values: Mapping[int, bytes]) -> None:
        """Tell which products staff changed, and how; `values` of those that are known."""
        await self._tell(Notice(dict(changes)), dict.fromkeys(changes, b"") | dict(values))

    async def sold(self, left: Sequence[tuple[int, int]]) -> None:
        """Tell what orders left of products."""
        least = dict(sorted(left, reverse=True))
        await self._tell(Notice({}, least), dict.fromkeys(least, b""))

    async def everything(self) -> None:
        """Tell that any product may have changed."""
        self._everything = self._shared.exists and not await self._shared.forget()

    async def again(self) -> None:
        """Tell what Redis did not hear."""
        if self._everything:
            await self.everything()
        elif self._changed or self._sold:
            changed, self._changed = self._changed, {}
            sold, self._sold = self._sold, {}
            await self._tell(Notice(changed, sold), dict.fromkeys({*changed, *sold}, b""))

    async def _tell(self, notice: Notice, values: Mapping[int, bytes]) -> None:
        pages = bool(notice.changed)
        if await self._shared.change(values, notice.encode(), pages=pages):
            return
        if self._shared.exists:
            self._changed |= notice.changed
            self._sold |= notice.sold
        if len(self._changed) + len(self._sold) > REMEMBERED:
            self._changed, self._sold, self._everything = {}, {}, True
