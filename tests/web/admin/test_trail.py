"""From page to page, and back the same way."""

from urllib.parse import parse_qsl

from hypothesis import given
from hypothesis import strategies as st

from pearshop.web.admin.forms import Form
from pearshop.web.admin.trail import LONGEST, Trail

FILTERS = {"search": "a & b"}


def at(query: str | None) -> Trail:
    assert query is not None
    return Trail.of(Form(parse_qsl(query)))


def test_the_first_page_leads_on_only() -> None:
    first = at("search=a")
    assert (first.number, first.previous(FILTERS)) == (1, None)
    assert first.next(FILTERS, None) is None


@given(st.lists(st.text("abcXYZ-_09", min_size=1), min_size=1, max_size=LONGEST))
def test_back_leads_over_the_same_pages(cursors: list[str]) -> None:
    trail, seen = at(""), [None]
    for cursor in cursors:
        trail = at(trail.next(FILTERS, cursor))
        seen.append(cursor)  # type: ignore[arg-type]
    while trail.cursor is not None:
        assert trail.cursor == seen.pop()
        assert trail.number == len(seen) + 1
        trail = at(trail.previous(FILTERS))
    assert seen == [None]


def test_a_long_way_is_forgotten_at_its_beginning() -> None:
    trail = at("")
    for number in range(3 * LONGEST):
        trail = at(trail.next(FILTERS, f"c{number}"))
    assert len(trail.before) == LONGEST
    for _ in range(LONGEST + 1):
        trail = at(trail.previous(FILTERS))
    assert trail.cursor is None


def test_filters_stay() -> None:
    query = at("").next(FILTERS, "c")
    assert query is not None
    assert dict(parse_qsl(query))["search"] == "a & b"
