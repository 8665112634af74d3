"""Times in the zone of whoever looks."""

from datetime import UTC, datetime

import pytest

from pearshop.web.admin.zone import Zone

LAGOS = Zone.named("Africa/Lagos")
NEW_YORK = Zone.named("America/New_York")


def test_a_time_is_shown_in_the_zone_and_kept_for_scripts() -> None:
    at = datetime(2026, 1, 1, 23, 30, 5, 123456, UTC)
    assert LAGOS.show(at) == '<time datetime="2026-01-01T23:30:05Z">2 Jan 2026, 00:30</time>'


@pytest.mark.parametrize(
    "name", [None, "", "No/Where", "../../etc/passwd", "/etc/passwd", "x" * 500, "\0", "Africa"]
)
def test_what_is_no_zone_is_utc(name: str | None) -> None:
    assert Zone.named(name).name == "UTC"


def test_a_day_is_as_long_as_it_is_there() -> None:
    start, end = NEW_YORK.start("2026-11-01"), NEW_YORK.end("2026-11-01")
    assert (end.astimezone(UTC) - start.astimezone(UTC)).total_seconds() == 25 * 3600
    assert LAGOS.start("2026-05-01") == datetime(2026, 4, 30, 23, tzinfo=UTC)


@pytest.mark.parametrize("day", ["", "today", "2026-13-01", "0001-01-01", "9999-12-31", "1/2/2026"])
def test_what_is_no_day_is_answered_by_an_example(day: str) -> None:
    for read in (LAGOS.start, LAGOS.end):
        with pytest.raises(ValueError, match="like 2026-11-28"):
            read(day)
