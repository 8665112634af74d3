"""What a report adds up: days as a zone has them, and periods beside those before. Pure."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

PERIODS = (1, 7, 30)
"""Days of the periods that a report compares: today, and the last 7 and 30 with it."""
MAX_DAYS = 90
DAY = timedelta(days=1)


class Figures(NamedTuple):
    """What was sold; `revenue` in the shop's price unit."""

    revenue: int = 0
    orders: int = 0


class Period(NamedTuple):
    """What was sold in a period until now, and in the one before until the same time of day."""

    figures: Figures
    before: Figures


class Sales(NamedTuple):
    """What was sold, by period (in days, see `PERIODS`) and by day."""

    periods: dict[int, Period]
    days: dict[date, Figures]


class Calendar:
    """The times between which a report of so many days adds up, at a moment in a zone.

    `cuts` are the UTC times at which its days begin and its periods before end, in order.
    """

    def __init__(self, now: datetime, zone: tzinfo, days: int) -> None:
        here = now.astimezone(zone)
        clock, self._today = here.time(), here.date()
        count = max(days, 2 * max(PERIODS))
        self._shown = days
        self._starts = {
            ago: _instant(self._today - ago * DAY, time.min, zone) for ago in range(count)
        }
        self._ends = {
            # Where clocks were changed there may be no such time that day, or only after it.
            days: min(_instant(self._today - days * DAY, clock, zone), self._starts[days - 1])
            for days in PERIODS
        }
        self.cuts = tuple(sorted({*self._starts.values(), *self._ends.values()}))

    def sales(self, found: Mapping[datetime, Figures]) -> Sales:
        """Return what was sold; `found` has what was sold from each cut on to the next."""
        return Sales(
            {
                days: Period(
                    self._sum(found, self._starts[days - 1], None),
                    self._sum(found, self._starts[2 * days - 1], self._ends[days]),
                )
                for days in PERIODS
            },
            {
                self._today - ago * DAY: self._sum(
                    found, self._starts[ago], self._starts.get(ago - 1)
                )
                for ago in reversed(range(self._shown))
            },
        )

    def _sum(
        self, found: Mapping[datetime, Figures], start: datetime, end: datetime | None
    ) -> Figures:
        return _added(
            each for cut, each in found.items() if start <= cut and (end is None or cut < end)
        )


def _added(figures: Iterable[Figures]) -> Figures:
    revenue = orders = 0
    for each in figures:
        revenue += each.revenue
        orders += each.orders
    return Figures(revenue, orders)


def _instant(day: date, clock: time, zone: tzinfo) -> datetime:
    """Return when clocks show that time, the first time if they do so twice.

    A time that is skipped is where the clock would be had it not been changed.
    """
    return datetime.combine(day, clock, zone).astimezone(UTC)
