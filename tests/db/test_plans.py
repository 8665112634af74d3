"""Cost does not grow with the catalogue: each list walks an index, and stops when it is full."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from loadtests.many_products import fill, names
from pearshop.db import catalogue, history, search
from pearshop.db.execute import execute
from pearshop.db.history import Wanted
from pearshop.db.listing import Listing
from tests.db.conftest import Rows
from tests.db.test_order import place_all, wish

COUNT = 20_000
READ = 1_200
"""Rows and index entries that a list may look at: what is shown, hits, words of a beginning."""


@pytest.fixture(scope="module")
def many(make_database: Callable[[], Engine]) -> Engine:
    """A catalogue large enough for its size to show."""
    engine = make_database()
    fill(engine, COUNT)
    return engine


def _statements(engine: Engine, operation: Callable[..., Any], *args: Any) -> list[tuple[str, Any]]:
    """Return what an operation sends to the database."""
    sent: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        execute(engine, operation, args, {}).result()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return sent


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _plans(engine: Engine, operation: Callable[..., Any], *args: Any) -> Iterator[dict[str, Any]]:
    statements = _statements(engine, operation, *args)
    with engine.begin() as connection:
        for statement, parameters in statements:
            row = connection.exec_driver_sql(
                f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", parameters
            ).scalar_one()
            yield (row if isinstance(row, list) else json.loads(row))[0]["Plan"]


def _read(node: dict[str, Any]) -> float:
    if "Scan" in node["Node Type"]:
        removed = node.get("Rows Removed by Filter", 0)
        removed += node.get("Rows Removed by Index Recheck", 0)
        return float((node["Actual Rows"] + removed) * node["Actual Loops"])
    return 0


NAMES = names(COUNT)
MOST_COMMON = Counter(word for name in NAMES for word in name.split()).most_common(1)[0][0]
SHARED, RARE = NAMES[0].split()[0], NAMES[COUNT // 2].split()[-1]
LISTINGS = {
    "first page": Listing(),
    "a later page": Listing(after=(1, 1)),
    "by name": Listing(ordering="name"),
    "by name, backwards": Listing(ordering="-name"),
    "by price": Listing(ordering="price"),
    "newest": Listing(ordering="newest"),
    "category": Listing(category="category 3"),
    "category, newest": Listing(category="category 3", ordering="newest"),
    "category by price": Listing(category="category 3", ordering="price"),
    "category by name": Listing(category="category 3", ordering="name"),
    "price range": Listing(min_price=1_000, max_price=2_000),
    "price range by price": Listing(min_price=1_000, max_price=1_100, ordering="price"),
    "in stock": Listing(in_stock=True),
    "sold out": Listing(in_stock=False),
    "in stock by price": Listing(in_stock=True, ordering="price"),
    "in stock, category": Listing(in_stock=True, category="category 0", max_price=2_500),
    "ids": Listing(ids=tuple(range(1, 101))),
    "rare word": Listing(search=RARE, ordering="best"),
    "word of some": Listing(search=SHARED, ordering="best"),
    "two words": Listing(search=" ".join(NAMES[7].split()[:2]), ordering="best"),
    "beginning": Listing(search=NAMES[7][:-3], ordering="best"),
    "search by price": Listing(search=NAMES[7], ordering="price"),
    "search in a category": Listing(search=SHARED, ordering="best", category="category 1"),
    "nothing": Listing(search="zzzzzz", ordering="best"),
}


@pytest.mark.parametrize("name", LISTINGS)
def test_a_list_reads_little_by_an_index(many: Engine, name: str) -> None:
    for plan in _plans(many, catalogue.page, LISTINGS[name]):
        nodes = list(_nodes(plan))
        assert not [each for each in nodes if each["Node Type"] == "Seq Scan"]
        assert sum(map(_read, nodes)) < READ, json.dumps(plan, indent=1)


def test_the_most_common_word_is_looked_for_until_there_are_enough_hits(many: Engine) -> None:
    share = COUNT / sum(MOST_COMMON in name.split() for name in NAMES)
    for plan in _plans(many, catalogue.page, Listing(search=MOST_COMMON, ordering="best")):
        assert sum(map(_read, _nodes(plan))) < READ + 2 * search.HITS * share  # of any catalogue


@pytest.mark.parametrize("name", LISTINGS)
def test_a_list_is_one_statement_and_a_search_two(many: Engine, name: str) -> None:
    listing = LISTINGS[name]
    expected = 2 if listing.search else 1
    assert len(_statements(many, catalogue.page, listing)) == expected


def test_words_like_a_misspelt_one_are_found_by_an_index(many: Engine) -> None:
    word = NAMES[3].split()[0]
    [plan] = _plans(many, search.near_words, [word[:3] + word[4:]])
    assert "ix_search_words_trigrams" in json.dumps(plan)


def test_few_of_many_misspelt_words_are_looked_up(many: Engine) -> None:
    words = [f"{name[:3]}{name[4:8]}q" for name in NAMES[:30]]
    near = execute(many, search.near_words, (words,), {}).result()
    assert list(near) == words[: search.MISSPELT]


def test_what_changed_lately_is_found_by_an_index(many: Engine) -> None:
    since = execute(many, catalogue.page, (Listing(limit=1),), {}).result().products[0].updated_at
    [plan] = _plans(many, catalogue.changed_since, since, 100)
    assert not [each for each in _nodes(plan) if each["Node Type"] == "Seq Scan"]


@pytest.mark.parametrize("count", [1, 12])
def test_orders_and_their_lines_are_one_statement_however_many(rows: Rows, count: int) -> None:
    goods = [rows.product() for _ in range(3)]
    for _ in range(count):
        user = rows.user()
        rows.cart(user, **{f"p{each.id}": 1 for each in goods})
        place_all(rows, [wish(user, 1, 2, 3)])
    assert len(_statements(rows.engine, history.page, Wanted(), 50)) == 1
    assert len(_statements(rows.engine, history.lines, 50, None)) == 1
    assert len(_statements(rows.engine, history.get, 1, None)) == 1
