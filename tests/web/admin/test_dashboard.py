"""What the dashboard makes of numbers."""

import pytest

from pearshop.web.admin.chart import LEAST, Bar, bars
from pearshop.web.admin.dashboard import change


def test_the_largest_number_is_as_high_as_the_picture() -> None:
    assert bars([0, 50, 200]) == [Bar(1, 100, 0), Bar(11, 75, 25), Bar(21, 0, 100)]


def test_the_smallest_number_is_seen_and_none_is_not() -> None:
    assert [each.height for each in bars([1, 10**9, 0])] == [LEAST, 100, 0]
    assert [each.height for each in bars([0, 0])] == [0, 0]
    assert bars([]) == []


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        (5, 5, "as much as"),
        (0, 0, "as much as"),
        (3, 0, "up from nothing in"),
        (150, 100, "50% more than"),
        (50, 100, "50% less than"),
        (0, 100, "100% less than"),
        (1001, 1000, "under 1% more than"),
        (12_000, 100, "11,900% more than"),
    ],
)
def test_change_is_told_in_words(now: int, before: int, told: str) -> None:
    assert change(now, before) == told
