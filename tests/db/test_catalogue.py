"""Lists of products: sorted, filtered, paged, counted."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from pearshop.db import catalogue
from pearshop.db import product as product_rows
from pearshop.db.listing import ORDERS, Listing
from pearshop.domain.product import Product, ProductDraft
from tests.db.conftest import Rows

NAMES = ("Pear", "apple", "Éclair", "Zucchini", "apple", "b_c%", "Őszi")


@pytest.fixture
def stocked(rows: Rows, engine: Engine) -> Rows:
    """Seven products, one sold out, two in a category, the second changed last; a hidden one."""
    for number, name in enumerate(NAMES):
        draft = ProductDraft(
            name,
            100 * (number % 3),
            category="Fruit" if number < 2 else "",
            stock={2: 0, 3: 5}.get(number),
        )
        rows.run(product_rows.create, draft)
    rows.run(product_rows.change, 2, {"image": "x"})
    hidden = rows.run(product_rows.create, ProductDraft("Gone", 1, category="Fruit"))
    rows.run(product_rows.hide, hidden.id)
    with engine.begin() as connection:  # some were changed at the same time
        connection.execute(
            text("UPDATE products SET updated_at = '2026-01-01' WHERE id IN (4, 5, 6)")
        )
    return rows


def _walk(rows: Rows, limit: int, **wish: object) -> Iterator[Product]:
    after = None
    while True:
        found = rows.run(catalogue.page, Listing(limit=limit, after=after, **wish))  # type: ignore[arg-type]
        yield from found.products
        after = found.after
        if after is None:
            return


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("updated", [2, 7, 3, 1, 6, 5, 4]),
        ("newest", [7, 6, 5, 4, 3, 2, 1]),
        ("name", [2, 5, 6, 3, 7, 1, 4]),
        ("-name", [4, 1, 7, 3, 6, 5, 2]),
        ("price", [1, 4, 7, 2, 5, 3, 6]),
        ("-price", [6, 3, 5, 2, 7, 4, 1]),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_each_order_holds_over_all_pages(
    stocked: Rows, ordering: str, expected: list[int], limit: int
) -> None:
    assert [each.id for each in _walk(stocked, limit, ordering=ordering)] == expected


def test_every_order_was_tried() -> None:
    assert set(ORDERS) == {"updated", "newest", "name", "-name", "price", "-price"}


def test_an_offset_skips(stocked: Rows) -> None:
    found = stocked.run(catalogue.page, Listing(ordering="newest", limit=2, offset=3))
    assert [each.id for each in found.products] == [4, 3]


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ({"category": "Fruit"}, {1, 2}),
        ({"category": ""}, {3, 4, 5, 6, 7}),
        ({"category": "fruit"}, set()),
        ({"min_price": 100}, {2, 3, 5, 6}),
        ({"max_price": 100}, {1, 2, 4, 5, 7}),
        ({"min_price": 100, "max_price": 100}, {2, 5}),
        ({"in_stock": True}, {1, 2, 4, 5, 6, 7}),
        ({"in_stock": False}, {3}),
        ({"ids": (1, 3, 8, 99)}, {1, 3}),
        ({"ids": ()}, set()),
        ({"search": "apple", "max_price": 50}, set()),
        ({"search": "apple", "min_price": 50, "ordering": "price"}, {2, 5}),
        ({"search": "apple", "ordering": "best", "ids": (5,)}, {5}),
        ({"search": "gone", "ordering": "best"}, set()),
    ],
)
def test_filters_hold_for_pages_and_totals(
    stocked: Rows, wish: dict[str, object], expected: set[int]
) -> None:
    assert {each.id for each in _walk(stocked, 2, **wish)} == expected
    assert stocked.run(catalogue.total, Listing(**wish)) == len(expected)  # type: ignore[arg-type]


def test_categories_are_counted_page_by_page(stocked: Rows) -> None:
    assert stocked.run(catalogue.categories, 10, None) == [("", 5), ("Fruit", 2)]
    assert stocked.run(catalogue.categories, 1, "") == [("Fruit", 2)]


def test_what_staff_changed_is_told_hidden_ones_too(stocked: Rows) -> None:
    changed = stocked.run(product_rows.by_ids, [2])[0].updated_at
    told = stocked.run(catalogue.changed_since, changed, 10)
    assert [product_id for product_id, _ in told] == [8]
    everything = stocked.run(catalogue.changed_since, changed.replace(year=2000), 10)
    assert {product_id for product_id, _ in everything} == set(range(1, 9))
    assert len(stocked.run(catalogue.changed_since, changed.replace(year=2000), 3)) == 3
