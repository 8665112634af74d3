"""Reads over HTTP with a real streaming replica: everyone sees what they changed themselves.

The replica is made to count as up to date whatever it has, and its replay is paused: so what it
answers is out of date, and whoever is sent there wrongly is told so.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import redis
from sqlalchemy import Connection, insert

from pearshop.actors.carts import Carts
from pearshop.actors.messages import Answer, Call, LineChanged, OrderPlaced
from pearshop.db import order as order_rows
from pearshop.db import product as product_rows
from pearshop.db.embedded import EmbeddedRedis
from pearshop.db.order import Placed, PlaceOrder
from pearshop.db.tables import users
from pearshop.domain.cart import line_id
from pearshop.domain.product import ProductDraft
from pearshop.domain.user import Role, User
from pearshop.http.app import make_app
from pearshop.http.freshness import Freshness, Writers
from pearshop.http.passwords import Passwords
from pearshop.http.products import Products
from pearshop.http.services import Services
from pearshop.http.tokens import Tokens
from pearshop.settings import Settings
from tests.db.conftest import Rows, rows
from tests.standby import LocalDatabase, Standby
from tests.waiting import wait_for

__all__ = ["rows"]
STAFF = User(1_000_000, "staff", Role.OWNER)
WINDOW_S = 0.2
LIFE_S = 60.0


def _employ(connection: Connection) -> None:
    name, role = STAFF.username, STAFF.role.word
    connection.execute(
        insert(users).values(
            id=STAFF.id,
            username=name,
            username_key=name,
            password_hash="",
            is_staff=True,
            role=role,
        )
    )


class Orders:
    """Stands for the cart actors: places orders, and finds other commands done."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def execute(self, call: Call) -> Answer:
        if not isinstance(call.request, PlaceOrder):
            return LineChanged(None)
        placed = self._rows.run(order_rows.place, self._rows.grant, [call.request])
        assert placed is not None
        assert isinstance(placed[0], Placed)
        return OrderPlaced(placed[0].order, placed[0].left)


class Front:
    """One `Api` replica, with its own memory and a clock that tells the age of its connections."""

    def __init__(self, settings: Settings, database: LocalDatabase, rows: Rows) -> None:
        self.now = 0.0
        writers = None
        if settings.redis_url:
            writers = Writers(settings.redis_url, LIFE_S, monotonic=lambda: self.now)
        freshness = Freshness(WINDOW_S, writers, monotonic=lambda: self.now)
        self.products = Products(database, settings, freshness)
        self._tokens = Tokens("k" * 32)
        self._http = httpx.AsyncClient(
            base_url="http://localhost",
            transport=httpx.ASGITransport(
                make_app(
                    Services(
                        settings,
                        database,
                        cast("Carts", Orders(rows)),
                        self.products,
                        self._tokens,
                        Passwords(1),
                        freshness,
                    )
                )
            ),
        )

    async def ask(self, method: str, path: str, user: User | None = None, **body: Any) -> Any:
        """Send a request; return the JSON of the answer."""
        headers = {}
        if user is not None:
            headers["Authorization"] = f"Bearer {self._tokens.access(user, 1)}"
        answer = await self._http.request(method, path, headers=headers, json=body or None)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def trusted(self, user: User) -> None:
        """Let the connection to Redis grow old enough to be believed."""
        await self.ask("GET", "/api/order/", user)
        self.now += LIFE_S


@pytest.fixture(scope="module")
def server(postgres: str, own_folder: Path) -> Iterator[Standby]:
    with Standby(own_folder / "http-standby", postgres) as server:
        yield server


@pytest.fixture(scope="module")
def redis_server(own_folder: Path) -> Iterator[str]:
    with EmbeddedRedis(own_folder / "http-redis") as server:
        yield server.url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    with redis.Redis.from_url(redis_server) as connection:
        connection.flushall()
    return redis_server


@pytest.fixture
def settings(server: Standby, database_url: str, redis_url: str) -> Settings:
    return Settings(
        database_url=database_url,
        database_replica_urls=server.of(database_url),
        redis_url=redis_url,
        catalogue_memory_seconds=0,
        catalogue_stale_seconds=0,
    )


@pytest.fixture
async def database(settings: Settings, server: Standby, rows: Rows) -> AsyncIterator[LocalDatabase]:
    database = LocalDatabase(settings)
    wait_for(lambda: database.used() == [True], "the replica")
    rows.run(_employ)
    [replica] = database.replicas._replicas
    replica.lag = math.inf
    yield database
    server.resume()
    database.close()


@pytest.fixture
def front(settings: Settings, database: LocalDatabase, rows: Rows) -> Front:
    return Front(settings, database, rows)


@pytest.fixture
def other(settings: Settings, database: LocalDatabase, rows: Rows) -> Front:
    """Another `Api` replica, that hears no notices."""
    return Front(settings, database, rows)


async def read_there(database: LocalDatabase, front: Front, path: str, user: User | None) -> None:
    """Wait until the replica answers."""
    async with asyncio.timeout(60):
        for number in range(1, 500):
            before = database.read_there
            await front.ask("GET", f"{path}?limit={number}", user)
            if database.read_there > before:
                return
            front.now += WINDOW_S
            await asyncio.sleep(0.01)
    raise AssertionError("the replica is not read")


async def test_whoever_ordered_sees_the_order_though_replicas_do_not_have_it(
    front: Front, other: Front, database: LocalDatabase, rows: Rows, server: Standby
) -> None:
    user, pear = rows.user(), rows.product()
    rows.cart(user, **{f"p{pear.id}": 1})
    for each in (front, other):
        await each.trusted(user)
    await read_there(database, front, "/api/order/", user)
    await read_there(database, other, "/api/order/", STAFF)
    server.pause()
    placed = await front.ask(
        "POST",
        "/api/order/",
        user,
        delivery_address="Here",
        order_item_ids=[line_id(user.id, 1)],
    )
    for each in (front, other):
        assert [o["id"] for o in await each.ask("GET", "/api/order/", user)] == [placed["id"]]
        # It is not there, so the primary is asked.
        assert (await each.ask("GET", f"/api/order/{placed['id']}/", user))["id"] == placed["id"]
        # Another one is told what the replica has.
        assert await each.ask("GET", "/api/order/", STAFF) == []


async def test_staff_see_the_cart_that_they_changed(
    front: Front, database: LocalDatabase, rows: Rows, server: Standby
) -> None:
    user, pear = rows.user(), rows.product()
    await front.trusted(STAFF)
    await read_there(database, front, "/api/order-item/", STAFF)
    server.pause()
    rows.cart(user, **{f"p{pear.id}": 1})
    assert await front.ask("GET", "/api/order-item/", STAFF) == []
    await front.ask("DELETE", f"/api/order-item/{line_id(user.id, 2)}/", STAFF)
    assert len(await front.ask("GET", "/api/order-item/", STAFF)) == 1


async def test_without_redis_history_is_read_from_the_primary(
    settings: Settings, database: LocalDatabase, rows: Rows
) -> None:
    front = Front(settings.model_copy(update={"redis_url": ""}), database, rows)
    await read_there(database, front, "/api/product/", None)
    before = database.read_there
    await front.ask("GET", "/api/order/", STAFF)
    await front.ask("GET", "/api/order-item/", STAFF)
    assert database.read_there == before


async def names(front: Front, path: str = "/api/product/") -> list[str]:
    return [each["name"] for each in await front.ask("GET", path)]


@pytest.mark.parametrize("path", ["/api/product/", "/api/category/"])
async def test_what_staff_changed_is_not_hidden_by_a_page_of_a_replica(
    path: str,
    front: Front,
    other: Front,
    database: LocalDatabase,
    settings: Settings,
    server: Standby,
) -> None:
    await front.ask("POST", "/api/product/", STAFF, name="Pear", price=1, category="Pear")
    await read_there(database, front, path, None)
    await read_there(database, other, path, None)
    server.pause()
    await front.ask("POST", "/api/product/", STAFF, name="Plum", price=1, category="Plum")
    assert "Plum" in await names(other, path)  # knows by Redis alone
    assert "Plum" in await names(front, path)
    third = Front(settings, database, Rows(database._engine))
    assert "Plum" in await names(third, path)  # from Redis: what was stored there is right


async def test_without_redis_a_change_that_was_heard_of_is_shown(
    settings: Settings, database: LocalDatabase, rows: Rows, server: Standby
) -> None:
    front = Front(settings.model_copy(update={"redis_url": ""}), database, rows)
    await read_there(database, front, "/api/product/", None)
    server.pause()
    plum = rows.run(product_rows.create, ProductDraft("Plum", 1))
    assert await names(front) == []  # as an import would leave it: nothing is known of it yet
    await front.products.pulse({plum.id: plum.updated_at}, more=False)
    assert await names(front) == ["Plum"]
    pear = await front.ask("POST", "/api/product/", STAFF, name="Pear", price=1)
    assert await names(front) == ["Pear", "Plum"]
    assert (await front.ask("GET", f"/api/product/{pear['id']}/"))["name"] == "Pear"


async def test_searches_totals_and_categories_are_read_there(
    front: Front, database: LocalDatabase
) -> None:
    await read_there(database, front, "/api/product/", None)
    for path in ("/api/product/?search=paer", "/api/product/?offset=1", "/api/category/"):
        before = database.read_there
        await front.ask("GET", path)
        assert database.read_there > before, path
