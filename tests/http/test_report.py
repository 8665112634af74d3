"""The report over HTTP: for whom, of what, and at what cost."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, event

from pearshop.db import fulfilment, rollup
from pearshop.domain.fulfilment import Status
from pearshop.domain.user import Role, User
from pearshop.schemas.report import StatusesOut
from pearshop.settings import Settings
from tests.db.books import Books
from tests.db.conftest import Rows, rows
from tests.db.test_order import place_all, placed, wish
from tests.http.test_replicas import Front
from tests.standby import LocalDatabase
from tests.waiting import until

__all__ = ["rows"]
VIEWER = User(1_000_000, "viewer", Role.VIEWER)
SHOPPER = User(1_000_001, "shopper")
NOTHING = {"revenue": 0, "orders": 0}


class Desk(Front):
    """An `Api` replica that is asked for reports."""

    async def get(self, path: str, user: User | None = VIEWER, known: str = "") -> httpx.Response:
        """Send a request and return the answer."""
        headers = {"If-None-Match": known} if known else {}
        if user is not None:
            headers["Authorization"] = f"Bearer {self._tokens.access(user, 1)}"
        return await self._http.get(path, headers=headers)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[LocalDatabase]:
    database = LocalDatabase(Settings(database_url=database_url))
    yield database
    database.close()


@pytest.fixture
def desk(database: LocalDatabase, rows: Rows) -> Desk:
    return Desk(Settings(signing_key="k" * 32), database, rows)


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def sell(rows: Rows, count: int, **product: Any) -> tuple[list[int], Any]:
    """Place so many orders of two pieces; return their ids and the product."""
    pear, ids = rows.product(**product), []
    for _ in range(count):
        user = rows.user()
        rows.cart(user, **{f"p{pear.id}": 2})
        ids.append(placed(place_all(rows, [wish(user, 1)])[0]).order.id)
    return ids, pear


async def test_it_is_for_all_staff_and_for_nobody_else(desk: Desk) -> None:
    assert (await desk.get("/api/report/", None)).status_code == 401
    assert (await desk.get("/api/report/", SHOPPER)).status_code == 403
    assert (await desk.get("/api/report/", VIEWER)).status_code == 200


async def test_it_tells_of_orders_that_stand(desk: Desk, rows: Rows) -> None:
    [dropped, packed, _], pear = sell(rows, 3, price=250, stock=9)
    rows.run(fulfilment.advance, dropped, Status.CANCELLED, None, None)
    rows.run(fulfilment.advance, packed, Status.PACKED, None, None)
    answer = await desk.get("/api/report/?zone=Asia/Kathmandu&days=3")
    assert answer.headers["cache-control"] == "private, no-store"
    told = answer.json()
    figures = {"revenue": 1_000, "orders": 2}
    since = datetime.fromisoformat(told.pop("best_sellers_since"))
    today = (datetime.now(UTC) + timedelta(hours=5, minutes=45)).date()
    assert told == {
        "zone": "Asia/Kathmandu",
        **dict.fromkeys(("today", "last_7_days", "last_30_days"), figures | {"before": NOTHING}),
        "days": [
            {"date": str(today - timedelta(days=2)), **NOTHING},
            {"date": str(today - timedelta(days=1)), **NOTHING},
            {"date": str(today), **figures},
        ],
        "statuses": {"placed": 1, "packed": 1, "shipped": 0, "delivered": 0, "cancelled": 1},
        "best_sellers": [{"id": pear.id, "name": pear.name, "pieces": 4, "revenue": 1_000}],
        "low_stock": [{"id": pear.id, "name": pear.name, "stock": 5}],
    }
    assert datetime.now(UTC) - since > timedelta(minutes=1)


def test_every_status_is_told() -> None:
    assert set(StatusesOut.model_fields) == set(Status)


async def test_members_that_are_wanted_are_told_alone(desk: Desk) -> None:
    answer = await desk.get("/api/report/?fields=zone,today.orders,days.date&days=1")
    told = answer.json()
    assert told["zone"] == "UTC"
    assert told["today"] == {"orders": 0}
    assert [list(day) for day in told["days"]] == [["date"]]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("zone=Mars/Olympus", "zone"),
        ("zone=", "zone"),
        ("zone=America", "zone"),
        ("zone=../../etc/passwd", "zone"),
        ("zone=/etc/localtime", "zone"),
        ("zone=%00", "zone"),
        ("zone=Europe/Lond%C3%B6n", "zone"),
        ("zone=" + "A" * 65, "zone"),
        ("days=0", "days"),
        ("days=91", "days"),
        ("days=x", "days"),
        ("low=-1", "low"),
        ("low=1.5", "low"),
        ("fields=today.price", "fields"),
        ("week=1", "week"),
    ],
)
async def test_a_wrong_wish_is_named(desk: Desk, query: str, named: str) -> None:
    answer = await desk.get(f"/api/report/?{query}")
    assert answer.status_code == 400, answer.text
    assert named in answer.json()
    assert answer.json()["detail"].startswith(named)


async def test_what_a_client_has_is_not_sent_again(desk: Desk) -> None:
    path = "/api/report/?fields=statuses"
    tag = (await desk.get(path)).headers["etag"]
    again = await desk.get(path, known=tag)
    assert (again.status_code, again.content) == (304, b"")


async def test_ten_dashboards_cost_as_much_as_one(desk: Desk, rows: Rows) -> None:
    sell(rows, 1)
    while rows.run(rollup.fold, datetime.now(UTC)) < 1 or not rows.run(rollup.fold_products):
        pass
    await desk.get("/api/report/?zone=Asia/Tokyo&days=7")
    with statements() as sent:
        told = await asyncio.gather(*(desk.get("/api/report/?days=7") for _ in range(10)))
    assert len({answer.content for answer in told}) == 1
    assert len(sent) == 5  # one to see that nothing lacks, four that read; low stock is known
    with statements() as sent:
        await desk.get("/api/report/?days=7")
    assert sent == []


async def test_whoever_waits_too_long_is_told_how_far_it_is(
    database: LocalDatabase, rows: Rows, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(signing_key="k" * 32, request_timeout=0.3)
    desk, books = Desk(settings, database, rows), Books(engine)
    now = datetime.now(UTC)
    books.place(*(now - timedelta(hours=n) for n in range(2, 400)))
    with monkeypatch.context() as patch:
        patch.setattr(rollup, "LONG_STEP", 0)  # one order at a time
        answer = await desk.get("/api/report/")
    assert answer.status_code == 503
    assert "% so far" in answer.json()["detail"]
    assert answer.json()["safe_to_repeat"]
    assert answer.headers["retry-after"] == "2"

    async def ready() -> bool:
        return (await desk.get("/api/report/")).status_code == 200

    await until(ready)
    books.check(now, UTC)


async def test_best_sellers_come_in_while_nobody_waits(
    desk: Desk, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    books, days = Books(engine), itertools.cycle(range(1, 90))
    now = datetime.now(UTC)
    books.place(*(now - timedelta(hours=n) for n in range(2, 90)))
    monkeypatch.setattr(rollup, "STEP", 3)
    first = (await desk.get("/api/report/")).json()
    assert first["last_30_days"]["orders"] == len(books.orders)

    async def all_there() -> bool:
        told = (await desk.get(f"/api/report/?days={next(days)}")).json()
        return now - datetime.fromisoformat(told["best_sellers_since"]) >= rollup.WINDOW

    await until(all_there)
    books.check(now, UTC)


async def test_a_list_of_orders_that_is_known_costs_one_statement(desk: Desk, rows: Rows) -> None:
    """How a dashboard hears of new orders: it asks for the newest ones again and again."""
    sell(rows, 3)
    path = "/api/order/?limit=20"
    tag = (await desk.get(path)).headers["etag"]
    with statements() as sent:
        again = await desk.get(path, known=tag)
    assert (again.status_code, len(sent)) == (304, 1)
    sell(rows, 1)
    assert (await desk.get(path, known=tag)).status_code == 200
