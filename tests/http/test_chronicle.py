"""Whether what Redis has kept may be shown after changes: only if all of them are known."""

from datetime import UTC, datetime

import pytest

from pearshop.http.caching.chronicle import REMEMBERED, Chronicle
from pearshop.http.caching.scope import Change, Scope

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCOPE = Scope(frozenset({1, 2}), "Fruit")
NUTS, FRUIT, ANY = Change(NOW, "Nuts"), Change(NOW, "Fruit"), Change(NOW)


def _heard(*steps: tuple[int, int, dict[int, Change]]) -> Chronicle:
    chronicle = Chronicle()
    for step in steps:
        chronicle.add(*step)
    return chronicle


def test_without_a_change_nothing_has_to_be_known() -> None:
    assert Chronicle().allows(None, 5, 5)


def test_what_happened_unheard_may_concern_it() -> None:
    assert not Chronicle().allows(SCOPE, 5, 6)
    heard = _heard((5, 6, {3: NUTS}))
    assert not heard.allows(SCOPE, 4, 6)  # before the first that was heard of
    assert not heard.allows(SCOPE, 5, 7)  # after the last


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
    assert heard.allows(SCOPE, 5, 8) is allowed
    assert heard.allows(SCOPE, 6, 8) is allowed
    assert heard.allows(SCOPE, 7, 8)
    assert heard.allows(None, 8, 8)
    assert not heard.allows(None, 7, 8)


def test_after_a_gap_what_was_heard_before_it_says_nothing() -> None:
    heard = _heard((5, 6, {3: NUTS}), (7, 8, {3: NUTS}))
    assert not heard.allows(SCOPE, 5, 8)
    assert not heard.allows(SCOPE, 6, 8)
    assert heard.allows(SCOPE, 7, 8)


def test_so_many_changes_are_remembered() -> None:
    heard = _heard(*((each, each + 1, {3: NUTS}) for each in range(REMEMBERED + 2)))
    assert not heard.allows(SCOPE, 1, REMEMBERED + 2)
    assert heard.allows(SCOPE, 2, REMEMBERED + 2)
