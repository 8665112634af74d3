"""Telling Redis, and through it the other replicas, of changes, until Redis has heard.

A Redis that hangs over a change and comes back with what it had before would show it for a minute:
so what it did not answer is told again.
"""

from collections.abc import Mapping, Sequence

from pearshop.domain.stock import Left
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
        self._sold: dict[int, Left] = {}
        self._everything = False

    async def changed(self, changes: Mapping[int, Change], values: Mapping[int, bytes]) -> None:
        """Tell which products staff changed, and how; `values` of those that are known."""
        await self._tell(Notice(dict(changes)), dict.fromkeys(changes, b"") | dict(values))

    async def sold(self, left: Sequence[tuple[int, Left]]) -> None:
        """Tell what orders left of products; of each the least, as staff last left it."""
        last = dict(sorted(left, key=lambda each: (each[1].since, -each[1].pieces)))
        await self._tell(Notice({}, last), dict.fromkeys(last, b""))

    async def everything(self) -> None:
        """Tell that any product may have changed."""
        self._everything = self._shared.exists and not await self._shared.forget()

    async def again(self) -> bool:
        """Tell what Redis did not hear. Returns whether it has heard such a thing now."""
        late = self._everything or bool(self._changed or self._sold)
        if self._everything:
            await self.everything()
        elif late:
            changed, self._changed = self._changed, {}
            sold, self._sold = self._sold, {}
            await self._tell(Notice(changed, sold), dict.fromkeys({*changed, *sold}, b""))

        return late and not (self._everything or self._changed or self._sold)

    async def _tell(self, notice: Notice, values: Mapping[int, bytes]) -> None:
        pages = bool(notice.changed)
        if await self._shared.change(values, notice.encode(), pages=pages):
            return
        if self._shared.exists:
            self._changed |= notice.changed
            self._sold |= notice.sold
        if len(self._changed) + len(self._sold) > REMEMBERED:
            self._changed, self._sold, self._everything = {}, {}, True
