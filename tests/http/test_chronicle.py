"""Whether what Redis has kept may be shown after changes: only if all of them are known."""

from datetime import UTC, datetime

import pytest

from pearshop.http.caching.chronicle import REMEMBERED, Chronicle
from pearshop.http.caching.scope import Change, Scope

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCOPE = Scope((1, 2), "Fruit")
NUTS, FRUIT, ANY = Change(NOW, "Nuts"), Change(NOW, "Fruit"), Change(NOW)


def _heard(*steps: tuple[int, int, dict[int, Change]]) -> Chronicle:
    chronicle = Chronicle()
    for step in steps:
        chronicle.add(*step)
    return chronicle


def test_without_a_change_nothing_has_to_be_known() -> None:
    assert Chronicle().altered(None, 5, 5) == set()


def test_what_happened_unheard_may_concern_it() -> None:
    assert Chronicle().altered(SCOPE, 5, 6) is None
    heard = _heard((5, 6, {3: NUTS}))
    assert heard.altered(SCOPE, 4, 6) is None  # before the first that was heard of
    assert heard.altered(SCOPE, 5, 7) is None  # after the last


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({3: NUTS}, True),
        ({3: NUTS, 4: NUTS}, True),
        ({3: NUTS, 4: FRUIT}, False),
        ({1: NUTS}, False),
        ({3: ANY}, False),
    ],
)
def test_it_may_be_shown_if_no_change_concerns_it(
    changes: dict[int, Change], allowed: bool
) -> None:
    heard = _heard((5, 6, {3: NUTS}), (6, 7, changes), (7, 8, {3: NUTS}))
    expected: set[int] | None = set() if allowed else None
    assert heard.altered(SCOPE, 5, 8) == expected
    assert heard.altered(SCOPE, 6, 8) == expected
    assert heard.altered(SCOPE, 7, 8) == set()
    assert heard.altered(None, 8, 8) == set()
    assert heard.altered(None, 7, 8) is None


def test_what_changed_of_products_that_keep_their_places_adds_up() -> None:
    search = Scope((1, 2, 4), steady=True)
    heard = _heard((5, 6, {1: NUTS, 3: NUTS}), (6, 7, {2: FRUIT}), (7, 8, {1: FRUIT}))
    assert heard.altered(search, 5, 8) == {1, 2}
    assert heard.altered(search, 7, 8) == {1}
    heard.add(8, 9, {3: ANY})
    assert heard.altered(search, 7, 9) is None


def test_after_a_gap_what_was_heard_before_it_says_nothing() -> None:
    heard = _heard((5, 6, {3: NUTS}), (7, 8, {3: NUTS}))
    assert heard.altered(SCOPE, 5, 8) is None
    assert heard.altered(SCOPE, 6, 8) is None
    assert heard.altered(SCOPE, 7, 8) == set()


def test_so_many_changes_are_remembered() -> None:
    heard = _heard(*((each, each + 1, {3: NUTS}) for each in range(REMEMBERED + 2)))
    assert heard.altered(SCOPE, 1, REMEMBERED + 2) is None
    assert heard.altered(SCOPE, 2, REMEMBERED + 2) == set()
