"""Which pages a change concerns: what the rule says, and what the database shows."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from pearshop.db import catalogue
from pearshop.db import product as product_rows
from pearshop.db.listing import ORDERS, Listing
from pearshop.domain.product import Product, ProductDraft
from pearshop.http.caching.scope import (
    Change,
    Edit,
    Scope,
    altered_by,
    as_heard,
    change_of,
    concerns,
    scope_of,
)
from tests.db.conftest import Rows

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LONG_AGO = NOW - timedelta(minutes=1)
LATELY = NOW - timedelta(seconds=20)
PEAR = Product(1, None, "Pear", 100, "", "", "Fruit", None, False, NOW, NOW)
SEARCH = Scope((1, 2), steady=True)
FRUIT = Scope((1, 2), "Fruit")
FIRST = Scope((1, 2))


@pytest.mark.parametrize(
    ("product", "category", "scope", "altered"),
    [
        (1, "Fruit", SEARCH, {1}),
        (1, "Nuts", FRUIT, None),
        (3, "Fruit", SEARCH, set()),
        (3, "Nuts", FRUIT, set()),
        (3, "Fruit", FRUIT, None),
        (3, "Nuts", FIRST, None),
        (3, "", Scope((), ""), None),
        (1, None, SEARCH, None),
        (3, None, SEARCH, None),
        (3, None, FRUIT, None),
        (3, "Fruit", None, None),
    ],
)
def test_a_change_concerns_what_shows_the_product_or_may_come_to(
    product: int, category: str | None, scope: Scope | None, altered: set[int] | None
) -> None:
    change = {product: Change(NOW, category)}
    assert altered_by(change, scope) == altered
    assert concerns(change, scope) is (altered != set())
    both = {2: Change(NOW, "Stones"), **change}
    expected = None if altered is None or scope != SEARCH else altered | {2}
    assert altered_by(both, scope) == expected


@pytest.mark.parametrize(
    ("edit", "last", "expected"),
    [
        (Edit(["price"], LONG_AGO), None, "Fruit"),
        (Edit(["price", "stock", "image"], LONG_AGO), None, "Fruit"),
        (Edit(["price", "name"], LONG_AGO), None, None),
        (Edit(["category"], LONG_AGO), None, None),
        (Edit(["price"], LATELY), None, None),
        (Edit(["price"], LATELY), LONG_AGO, None),
        (Edit(["price"], LATELY), LATELY, "Fruit"),
        (Edit(["name"], LATELY), LATELY, None),
        (None, LATELY, None),
    ],
)
def test_words_and_categories_reach_everywhere_and_so_does_what_came_soon_after_something_unheard(
    edit: Edit | None, last: datetime | None, expected: str | None
) -> None:
    before = {} if last is None else {1: Change(last)}
    heard = as_heard({1: change_of(PEAR, edit)}, before.get)
    assert heard[1].category == expected
    assert heard[1].at == NOW


LISTINGS = [
    *(Listing(ordering=each, limit=3) for each in ORDERS),  # type: ignore[arg-type]
    *(Listing(category=each, limit=3) for each in ("Fruit", "Nuts", "")),
    Listing(category="Fruit", ordering="newest", limit=3),
    Listing(ordering="newest", max_price=300, limit=3),
    *(Listing("pear", ordering=each, limit=3) for each in ("best", "price", "updated")),
    Listing("pear", "Nuts", ordering="best", limit=3),
    Listing("ripe", ordering="best", min_price=300, limit=3),
    Listing("ripe", ordering="best", max_price=300, limit=3),
    Listing("ripe", ordering="best", in_stock=True, limit=3),
    Listing("ripe", ordering="best", limit=3, offset=2),
    Listing("ripe", ordering="best", ids=(1, 2, 3), limit=3),
    Listing(ordering="name", ids=(7, 8, 9), limit=2),
    Listing(in_stock=False, limit=3),
    Listing(ids=(4, 5, 6), limit=3),
]


def _draw(chance: random.Random) -> dict[str, Any]:
    """Return what staff might set of a product."""
    return chance.choice(
        [
            {"price": chance.randrange(600)},
            {"stock": chance.choice([None, 0, 5])},
            {"image": f"/{chance.randrange(9)}.png"},
            {"price": chance.randrange(600), "stock": chance.choice([0, 5])},
            {"category": chance.choice(["Fruit", "Nuts", ""])},
            {"name": chance.choice(["ripe pear", "ripe nut", "pear"])},
        ]
    )


def test_a_page_differs_only_where_a_change_concerned_it(engine: Engine) -> None:
    rows = Rows(engine)
    chance = random.Random(5)
    for number in range(12):
        draft = ProductDraft(
            chance.choice(["ripe pear", "ripe nut", "pear"]),
            chance.randrange(600),
            category=chance.choice(["Fruit", "Nuts", ""]),
            stock=chance.choice([None, 0, 5]),
            sku=f"s{number}",
        )
        rows.run(product_rows.create, draft)
    spared = altered_ones = 0
    before = [rows.run(catalogue.page, each) for each in LISTINGS]
    for _ in range(60):
        members, sought = _draw(chance), chance.randrange(1, 13)
        product = rows.run(product_rows.change, sought, members).product
        edit = Edit(list(members), LONG_AGO)  # it is known that nothing else has changed
        change = {sought: change_of(product, edit)}
        after = [rows.run(catalogue.page, each) for each in LISTINGS]
        for listing, old, new in zip(LISTINGS, before, after, strict=True):
            altered = altered_by(change, scope_of(listing, old))
            if altered is not None:
                shown = [product if each.id in altered else each for each in old.products]
                assert old._replace(products=shown) == new, (listing, members, sought)
                spared += not altered
                altered_ones += bool(altered)
        before = after
    assert spared > 100
    assert altered_ones > 30
