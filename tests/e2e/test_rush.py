"""A rush for the last pieces: exactly what there is gets sold."""

import asyncio
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from sqlalchemy import Connection, insert, select

from pearshop.db.tables import order_lines, orders, products, sessions, users
from pearshop.domain.user import User
from pearshop.http.tokens import Tokens
from tests.e2e.conftest import Shop
from tests.e2e.test_accounts import signing_key
from tests.e2e.test_cart import CART
from tests.e2e.test_orders import ORDERS, wish

SHOPPERS = 1_000
UNITS = 100
AT_ONCE = 64


class TestRush:
    """A thousand shoppers after the last hundred pieces."""

    async def test_exactly_what_there_is_gets_sold(self, shop: Shop) -> None:
        product = shop.product(name="Last pears", stock=UNITS)["id"]
        with shop.engine.begin() as connection:
            tokens = many_shoppers(connection, Tokens(signing_key(shop)))
        limit = asyncio.Semaphore(AT_ONCE)
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        async with aiohttp.ClientSession(str(shop.http.base_url), connector=connector) as http:
            answers = await asyncio.gather(
                *(buy_one(http, limit, token, product) for token in tokens)
            )
        assert Counter(status for status, _ in answers) == {201: UNITS, 409: SHOPPERS - UNITS}
        refused = [body for status, body in answers if status == 409]
        assert {body["code"] for body in refused} == {"out_of_stock"}
        assert all(body["lines"][0]["available"] == 0 for body in refused)
        placed = {body["id"] for status, body in answers if status == 201}
        assert len(placed) == UNITS
        with shop.engine.connect() as connection:
            assert stored(connection, product) == (0, placed, UNITS)


async def buy_one(
    http: aiohttp.ClientSession, limit: asyncio.Semaphore, token: str, product: int
) -> tuple[int, dict[str, Any]]:
    """Put one piece into the cart and order it; return status and body of the order's answer."""
    headers = {"Authorization": f"Bearer {token}"}
    piece = {"product_id": product, "quantity": 1}
    async with limit:
        async with http.post(CART, json=piece, headers=headers) as added:
            line = await added.json()
            assert added.status == 201, line
        async with http.post(ORDERS, json=wish(line), headers=headers) as answer:
            return answer.status, await answer.json()


def many_shoppers(connection: Connection, tokens: Tokens) -> list[str]:
    """Store many accounts with an open session each; return their access tokens."""
    stamp = time.time_ns()
    names = [f"rush-{stamp}-{number}" for number in range(SHOPPERS)]
    rows = [{"username": n, "username_key": n, "password_hash": "none"} for n in names]
    connection.execute(insert(users), rows)
    made = connection.execute(
        select(users.c.id, users.c.username).where(users.c.username.in_(names))
    ).all()
    later = datetime.now(UTC) + timedelta(hours=1)
    connection.execute(insert(sessions), [{"user_id": r.id, "expires_at": later} for r in made])
    opened = connection.execute(
        select(sessions.c.user_id, sessions.c.id).where(
            sessions.c.user_id.in_([row.id for row in made])
        )
    )
    session_of = {row.user_id: row.id for row in opened}
    return [tokens.access(User(r.id, r.username), session_of[r.id]) for r in made]


def stored(connection: Connection, product: int) -> tuple[int | None, set[int], int]:
    """What the database holds of a product: stock left, orders that sold it, pieces sold."""
    left = connection.execute(select(products.c.stock).where(products.c.id == product)).scalar_one()
    sold = connection.execute(
        select(orders.c.id, order_lines.c.quantity)
        .join(order_lines, order_lines.c.order_id == orders.c.id)
        .where(order_lines.c.product_id == product)
    ).all()
    return left, {row.id for row in sold}, sum(row.quantity for row in sold)
