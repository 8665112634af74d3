"""The audit log: there with what was done, never without it, never changed."""

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from pearshop.db import audit
from pearshop.db import product as product_rows
from pearshop.db import user as user_rows
from pearshop.domain.product import ProductDraft
from pearshop.domain.user import Role, User
from pearshop.errors import Conflict
from tests.db.conftest import Rows


@pytest.fixture
def editor(rows: Rows) -> User:
    return rows.run(user_rows.create, "editor", "hash", Role.EDITOR)


def entries(rows: Rows, **wanted: int | str) -> list[audit.Entry]:
    return rows.run(audit.page, audit.Filter(**wanted), 100, None)  # type: ignore[arg-type]


def test_what_became_of_a_product_is_told_in_order(rows: Rows, editor: User) -> None:
    pear = rows.run(product_rows.create, ProductDraft("Pear", 100, stock=5), editor.id)
    rows.run(product_rows.change, pear.id, {"price": 120, "stock": 5}, None, editor.id)
    rows.run(product_rows.hide, pear.id, None, editor.id)
    rows.run(product_rows.change, pear.id, {"hidden": False}, None, editor.id)
    told = entries(rows, subject="product", subject_id=pear.id)[::-1]
    assert [each.action.partition(".")[2] for each in told] == [
        "created",
        "changed",
        "hidden",
        "restored",
    ]
    assert (told[1].before, told[1].after) == ({"price": 100}, {"price": 120})
    assert {each.username for each in told} == {"editor"}
    assert entries(rows, user_id=editor.id + 1) == []


def test_what_was_refused_is_not_told(rows: Rows, editor: User) -> None:
    for sku in ("a", "b"):
        rows.run(product_rows.create, ProductDraft("Pear", 1, sku=sku))
    with pytest.raises(Conflict):
        rows.run(product_rows.change, 1, {"sku": "b"}, None, editor.id)
    assert entries(rows, user_id=editor.id) == []


def test_pages_follow_each_other(rows: Rows) -> None:
    for _ in range(5):
        rows.product()
    first = rows.run(audit.page, audit.Filter(), 3, None)
    rest = rows.run(audit.page, audit.Filter(), 3, first[-1].id)
    assert [each.subject_id for each in (*first, *rest)] == [5, 4, 3, 2, 1]
    since = audit.Filter(since=first[1].created_at, until=first[0].created_at)
    assert rows.run(audit.page, since, 3, None) == first[1:2]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET user_id = NULL", "DELETE FROM audit_log", "TRUNCATE audit_log"],
)
def test_it_cannot_be_changed(rows: Rows, engine: Engine, statement: str) -> None:
    rows.product()
    with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
        connection.execute(text(statement))
    assert len(entries(rows)) == 1
