"""The ages of public answers, by a clock that the test turns."""

import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from pearshop.http.caching.public import Public

PRODUCTS = [f"/api/product/{number}/" for number in range(1, 1_001)]


def age(seconds: int, now: float, path: str, query: bytes = b"") -> int:
    headers = Public(seconds, "Authorization", lambda: now).headers(path, query)
    assert headers["Vary"] == "Authorization"
    found = re.fullmatch(
        r"public, max-age=(\d+), stale-while-revalidate=(\d+), stale-if-error=300",
        headers["Cache-Control"],
    )
    assert found is not None
    assert int(found[2]) == seconds
    return int(found[1])


@given(
    seconds=st.integers(1, 3_600),
    now=st.floats(0, 4e9),
    path=st.text(),
    query=st.binary(),
)
def test_no_answer_is_kept_for_longer_than_it_may(
    seconds: int, now: float, path: str, query: bytes
) -> None:
    assert 1 <= age(seconds, now, path, query) <= seconds


def test_nothing_is_kept_where_that_is_asked_for() -> None:
    assert {age(0, now, PRODUCTS[0]) for now in range(100)} == {0}


def test_what_is_asked_for_together_goes_old_apart() -> None:
    ages = Counter(age(10, 1_000, path) for path in PRODUCTS)
    assert sorted(ages) == list(range(1, 11))
    assert min(ages.values()) > len(PRODUCTS) / 20, "a second in which hardly any goes old"
    assert max(ages.values()) < len(PRODUCTS) / 5, "a second in which many go old"


def test_what_is_always_wanted_is_fetched_once_in_each_span() -> None:
    for path in PRODUCTS:
        now = 1_000.0
        now += age(10, now, path)
        assert [age(10, now + 10 * spans, path) for spans in range(4)] == [10] * 4


def test_a_query_is_part_of_the_address() -> None:
    pages = [b"page=%d" % number for number in range(1, 101)]
    assert len({age(10, 1_000, "/api/product/", page) for page in pages}) > 5
    assert age(10, 1_000, "/api/product/", pages[0]) == age(10, 1_000, "/api/product/", pages[0])
