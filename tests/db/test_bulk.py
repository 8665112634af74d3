"""Many products changed at once: as previewed, all or none."""

from decimal import Decimal

import pytest

from pearshop.db import audit, bulk
from pearshop.db import product as product_rows
from pearshop.db import user as user_rows
from pearshop.db.bulk import BulkChanged
from pearshop.db.listing import Listing
from pearshop.domain.bulk import BulkEdit
from pearshop.domain.product import MAX_PRICE, ProductDraft
from pearshop.domain.user import Role
from pearshop.errors import Invalid, Overtaken
from tests.db.conftest import Rows

DEARER = BulkEdit(Decimal(10))


@pytest.fixture
def editor(rows: Rows) -> int:
    for name, price, category in (("Pear", 100, "Fruit"), ("Plum", 5, "Fruit"), ("Nut", 7, "Nuts")):
        rows.run(product_rows.create, ProductDraft(name, price, category=category, stock=3))
    return rows.run(user_rows.create, "editor", "hash", Role.EDITOR).id


def prices(rows: Rows) -> list[int]:
    found = rows.run(product_rows.by_ids, [1, 2, 3])
    return [each.price for each in sorted(found, key=lambda each: each.id)]


def preview(rows: Rows, chosen: list[int] | Listing, edit: BulkEdit) -> BulkChanged:
    return rows.run(bulk.preview, chosen, edit)


def test_a_preview_tells_what_would_change_and_changes_nothing(rows: Rows, editor: int) -> None:
    seen = preview(rows, Listing(category="Fruit"), DEARER)
    assert [(each.product.id, each.before, each.after) for each in seen.edited] == [
        (1, {"price": 100}, {"price": 110}),
        (2, {"price": 5}, {"price": 6}),
    ]
    assert (seen.chosen, seen.changed) == (2, [])
    assert prices(rows) == [100, 5, 7]


def test_what_was_seen_is_done_and_told(rows: Rows, editor: int) -> None:
    edit = BulkEdit(Decimal(10), "Sweet", 9, True)
    seen = preview(rows, [1, 3, 99], edit)
    done = rows.run(bulk.change, [3, 1, 99], edit, seen.version, editor)
    assert done.edited == seen.edited
    stored = {each.id: each for each in rows.run(product_rows.by_ids, [1, 2, 3])}
    assert {each.product.id: each.product for each in done.changed} == {1: stored[1], 3: stored[3]}
    assert (stored[1].price, stored[1].category, stored[1].stock) == (110, "Sweet", 9)
    assert stored[1].hidden
    assert stored[2].price == 5
    entries = rows.run(audit.page, audit.Filter(user_id=editor), 10, None)
    assert {each.subject_id for each in entries} == {1, 3}
    assert entries[-1].after == {"category": "Sweet", "stock": 9, "hidden": True, "price": 110}


def test_what_has_changed_since_the_preview_is_not_done(rows: Rows, editor: int) -> None:
    seen = preview(rows, Listing(), DEARER)
    rows.run(product_rows.change, 1, {"price": 120})
    with pytest.raises(Overtaken):
        rows.run(bulk.change, Listing(), DEARER, seen.version, editor)
    assert prices(rows) == [120, 5, 7]
    rows.run(bulk.change, Listing(), DEARER, None, editor)
    assert prices(rows) == [132, 6, 8]


def test_one_that_cannot_be_changed_keeps_all_as_they_are(rows: Rows, editor: int) -> None:
    rows.run(product_rows.change, 2, {"price": MAX_PRICE})
    with pytest.raises(Invalid):
        rows.run(bulk.change, [1, 2, 3], DEARER, None, editor)
    assert prices(rows) == [100, MAX_PRICE, 7]


def test_what_is_off_sale_is_put_on_sale_together(rows: Rows, editor: int) -> None:
    for each in (1, 2):
        rows.run(product_rows.hide, each)
    edit = BulkEdit(hidden=False)
    done = rows.run(bulk.change, Listing(hidden=True), edit, None, editor)
    assert [each.product.id for each in done.changed] == [1, 2]
    assert rows.run(product_rows.get, 1)


def test_a_search_finds_all_of_them_not_the_best(
    rows: Rows, editor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert preview(rows, Listing("pear", ordering="best"), DEARER).chosen == 1
    assert preview(rows, Listing("?!"), DEARER).chosen == 0
    monkeypatch.setattr(bulk, "MOST", 2)
    with pytest.raises(Invalid, match="narrow"):
        preview(rows, Listing(), DEARER)
