"""No list costs more statements the more it shows: from the request to the database."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from pearshop.settings import Settings
from tests.db.conftest import Rows, rows
from tests.db.test_order import place_all, wish
from tests.http.test_replicas import STAFF, Front
from tests.standby import LocalDatabase

__all__ = ["rows"]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[LocalDatabase]:
    database = LocalDatabase(Settings(database_url=database_url))
    yield database
    database.close()


def _fill(rows: Rows, count: int) -> None:
    """Orders of other products each, and lines in carts."""
    for _ in range(count):
        user, goods = rows.user(), [rows.product() for _ in range(3)]
        rows.cart(user, **{f"p{each.id}": 1 for each in goods})
        place_all(rows, [wish(user, 1, 2)])


async def _statements(database: LocalDatabase, rows: Rows, path: str) -> int:
    """How many statements a replica sends that has nothing in memory."""
    front = Front(Settings(signing_key="k" * 32), database, rows)
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        shown = await front.ask("GET", path, STAFF)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert shown
    return len(sent)


@pytest.mark.parametrize("path", ["/api/order/", "/api/order-item/", "/api/order/?offset=0"])
async def test_a_list_costs_the_same_whatever_it_shows(
    database: LocalDatabase, rows: Rows, path: str
) -> None:
    _fill(rows, 1)
    few = await _statements(database, rows, path)
    _fill(rows, 12)
    assert await _statements(database, rows, path) == few <= 4
