"""Reports as a replica has them: each made once for all who ask within some seconds."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from datetime import UTC, datetime, tzinfo
from typing import Any, Generic, NamedTuple, TypeVar

from pearshop.actors.batching import detached
from pearshop.db import report as rows
from pearshop.db import rollup
from pearshop.db.execute import Database
from pearshop.db.report import Found, Scarce
from pearshop.domain.report import Calendar, Sales
from pearshop.errors import Unavailable
from pearshop.http.caching.memory import Memory

T = TypeVar("T")

REPORT_S = 5.0
SCARCE_S = 60.0
"""To find what is low in stock may take a look at all products."""
MOST = 200
"""Reports, of other zones or days each, that a replica remembers."""


class Report(NamedTuple):
    """What was sold and how orders stand, and what little is left of."""

    sales: Sales
    found: Found
    scarce: list[Scarce]


class Kept(Generic[T]):
    """Values by key, each made once for all who ask while it is made and `seconds` thereafter.

    Whoever has waited for `patience` seconds is told by `late` why.
    """

    def __init__(self, seconds: float, patience: float, late: Callable[[], Unavailable]) -> None:
        self._known: Memory[T] = Memory(seconds, 0.0, MOST)
        self._coming: dict[Hashable, asyncio.Task[T]] = {}
        self._patience = patience
        self._late = late

    async def get(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Return the value under a key, made now if need be. Raises as `make` does, and `late`."""
        entry = self._known.get(key)
        if entry is not None and self._known.is_fresh(entry):
            return entry.value
        if key not in self._coming:
            self._coming[key] = detached(self._make(key, make))
            self._coming[key].add_done_callback(_heard)
        coming = self._coming[key]
        done, _ = await asyncio.wait({coming}, timeout=self._patience)
        if not done:
            raise self._late()
        return coming.result()

    async def _make(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        try:
            value = await make()
            self._known.put(key, value)
            return value
        finally:
            del self._coming[key]


class Reports:
    """The shop's reports. Nobody waits longer than `patience` (s) for one.

    A report reads sums of orders that it first brings up to date: a moment's work, but for the
    first one, and after long times without any. What it then lacks of the best sellers is summed
    while nobody waits.
    """

    def __init__(self, database: Database, patience: float) -> None:
        self._database = database
        self._made: Kept[tuple[Sales, Found]] = Kept(REPORT_S, patience, self._late)
        self._scarce: Kept[list[Scarce]] = Kept(SCARCE_S, patience, self._late)
        self._share = 1.0
        self._turn = asyncio.Lock()
        self._later: asyncio.Task[None] | None = None

    async def get(self, zone: tzinfo, days: int, low: int) -> Report:
        """Return the report of these days in a zone, see `Calendar`; `low`: see `rows.scarce`.

        Raises `Unavailable` while past orders are still being added up.
        """
        (sales, found), scarce = await asyncio.gather(
            self._made.get((str(zone), days), lambda: self._make(zone, days)),
            self._scarce.get(low, lambda: self._database.run(rows.scarce, low)),
        )
        return Report(sales, found, scarce)

    async def _make(self, zone: tzinfo, days: int) -> tuple[Sales, Found]:
        async with self._turn:
            now = datetime.now(UTC)
            while (share := await self._database.run(rollup.fold, now)) < 1:
                self._share = share
            self._share = 1.0
        calendar = Calendar(datetime.now(UTC), zone, days)
        found = await self._database.run(rows.read, calendar.cuts)
        if found.more and (self._later is None or self._later.done()):
            self._later = detached(self._add_products())
            self._later.add_done_callback(_heard)
        return calendar.sales(found.sales), found

    async def _add_products(self) -> None:
        while not await self._database.run(rollup.fold_products):
            pass

    def _late(self) -> Unavailable:
        if self._share == 1:
            return Unavailable("The report took too long.")
        return Unavailable(
            f"Past orders are being added up for reports, {self._share:.0%} so far.", retry_after=2
        )


def _heard(done: "asyncio.Task[Any]") -> None:
    """Take note of an error that nobody may be left to hear."""
    if not done.cancelled():
        done.exception()
