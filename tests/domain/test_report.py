"""The days and periods of a report, in zones that change their clocks and in odd ones."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pearshop.domain.report import MAX_DAYS, PERIODS, Calendar, Figures, Period, Sales

LONDON = ZoneInfo("Europe/London")
ZONES = [ZoneInfo(name) for name in sorted(available_timezones())]
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))


def report(calendar: Calendar, orders: Iterable[datetime]) -> Sales:
    """What a calendar makes of orders of 10 each."""
    found: dict[datetime, Figures] = {}
    for at in orders:
        cut = max((each for each in calendar.cuts if each <= at), default=None)
        if cut is not None:
            revenue, count = found.get(cut, Figures())
            found[cut] = Figures(revenue + 10, count + 1)
    return calendar.sales(found)


def half_hours(now: datetime, days: int) -> list[datetime]:
    first = now.replace(minute=0, second=0, microsecond=0) - timedelta(days=days)
    return [first + timedelta(minutes=30 * n) for n in range(48 * days)]


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        ("Europe/London", date(2026, 3, 29), 23),
        ("Europe/London", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Africa/Cairo", date(2026, 4, 24), 23),
        ("America/Havana", date(2026, 11, 1), 25),
        ("America/Santiago", date(2026, 4, 4), 25),
        ("America/Santiago", date(2026, 9, 6), 23),
        ("Asia/Kolkata", date(2026, 3, 29), 24),
    ],
)
def test_a_day_is_as_long_as_its_zone_makes_it(zone: str, day: date, expected: float) -> None:
    now = datetime(day.year, day.month, day.day, 15, tzinfo=UTC) + timedelta(days=3)
    calendar = Calendar(now, ZoneInfo(zone), 10)
    sales = report(calendar, half_hours(now, 12))
    assert sales.days[day].orders == expected * 2
    assert sales.days[day - timedelta(days=1)].orders == 48


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("UTC", "2026-06-01T00:00Z"),
        ("Asia/Kolkata", "2026-05-31T18:30Z"),
        ("Asia/Kathmandu", "2026-05-31T18:15Z"),
        ("Pacific/Chatham", "2026-05-31T11:15Z"),
        ("Pacific/Kiritimati", "2026-05-31T10:00Z"),
        ("Pacific/Niue", "2026-06-01T11:00Z"),
    ],
)
def test_days_begin_at_midnight_of_the_zone(zone: str, first: str) -> None:
    begin, here = datetime.fromisoformat(first), ZoneInfo(zone)
    now = datetime(2026, 6, 1, 12, tzinfo=here)
    calendar = Calendar(now, here, 2)
    moment = timedelta(microseconds=1)
    sales = report(calendar, [begin - moment, begin, begin + moment])
    assert sales.days == {
        date(2026, 5, 31): Figures(10, 1),
        date(2026, 6, 1): Figures(20, 2),
    }


def test_a_period_is_compared_until_the_same_time_of_day() -> None:
    now = datetime(2026, 6, 15, 9, 30, tzinfo=LONDON)
    counted = [timedelta(0), timedelta(hours=9), timedelta(days=1, minutes=1)]
    before = [timedelta(days=1), timedelta(days=7, minutes=1), timedelta(days=30, hours=5)]
    sales = report(Calendar(now, LONDON, 1), [now - ago for ago in counted + before])
    # At this time yesterday is not before it; seven days ago ends, and 30 days ago ends, as well.
    assert sales.periods[1] == Period(Figures(20, 2), Figures(10, 1))
    assert sales.periods[7] == Period(Figures(40, 4), Figures(10, 1))
    assert sales.periods[30] == Period(Figures(50, 5), Figures(10, 1))


def test_a_time_that_comes_twice_or_never_still_ends_a_period_within_its_day() -> None:
    for day, clock in ((date(2026, 10, 26), (1, 30)), (date(2026, 3, 30), (1, 30))):
        now = datetime(day.year, day.month, day.day, *clock, tzinfo=LONDON)
        midnight = now.astimezone(UTC).replace(hour=0, minute=0) - timedelta(days=1)
        sales = report(
            Calendar(now, LONDON, 2), [midnight + timedelta(minutes=15 * n) for n in range(-8, 12)]
        )
        assert 0 < sales.periods[1].before.orders < sales.days[day - timedelta(days=1)].orders


@given(now=MOMENTS, zone=st.sampled_from(ZONES), days=st.integers(1, MAX_DAYS))
def test_whatever_the_zone_days_follow_each_other_and_periods_are_sums_of_days(
    now: datetime, zone: ZoneInfo, days: int
) -> None:
    calendar = Calendar(now, zone, days)
    assert list(calendar.cuts) == sorted(set(calendar.cuts))
    assert timedelta(days=days - 1) <= now - calendar.cuts[0] < timedelta(days=MAX_DAYS + 1)
    orders = [now - timedelta(hours=7 * n) for n in range(250)]
    sales = report(calendar, orders)
    today = now.astimezone(zone).date()
    assert list(sales.days) == [today - timedelta(days=n) for n in reversed(range(days))]
    for each, figures in sales.days.items():
        assert figures.orders == sum(at.astimezone(zone).date() == each for at in orders)
    for length in PERIODS:
        if length <= days:
            shown = list(sales.days.values())[-length:]
            assert sales.periods[length].figures.orders == sum(each.orders for each in shown)
