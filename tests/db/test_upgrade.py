"""A database of the first release is brought to this one while its own code works on it."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from pearshop.db import catalogue
from pearshop.db.execute import execute
from pearshop.db.listing import Listing
from pearshop.db.migrate import downgrade, head, revision, upgrade
from tests.db.first_release import DATA, OldShoppers
from tests.waiting import wait_for

KEPT = {
    "shop": "SELECT currency, currency_exponent FROM shop",
    "users": "SELECT id, username, username_key, password_hash, is_staff, created_at "
    "FROM users WHERE id <= 2000 ORDER BY id",
    "sessions": "SELECT id, user_id, created_at, expires_at, revoked_at "
    "FROM sessions WHERE id <= 4000 ORDER BY id",
    "products": "SELECT id, sku, name, price, description, category, hidden, updated_at "
    "FROM products ORDER BY id",
    "carts": "SELECT * FROM carts WHERE user_id <= 1000 ORDER BY user_id",
    "cart_commands": "SELECT user_id, key, fingerprint, line, created_at "
    "FROM cart_commands WHERE user_id <= 1000 ORDER BY user_id",
    "orders": "SELECT id, user_id, delivery_address, total_price, key, fingerprint, created_at, "
    "updated_at FROM orders WHERE id <= 3000 ORDER BY id",
    "order_lines": "SELECT l.* FROM order_lines l WHERE order_id <= 3000 ORDER BY l.id",
    "outbox": "SELECT id, topic, subject_id, payload, created_at, sent_at "
    "FROM outbox WHERE id <= 3000 ORDER BY id",
}
"""What the first release had written, and its shoppers (accounts from 1001 on) leave alone."""
WHOLE = {
    "orders that are not their lines": """
        SELECT o.id FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id
        GROUP BY o.id HAVING o.total_price IS DISTINCT FROM sum(l.price * l.quantity)""",
    "orders without just one event": """
        SELECT o.id FROM orders o LEFT JOIN outbox x ON x.subject_id = o.id
        GROUP BY o.id HAVING count(x.id) <> 1""",
    "stock that is not what was left": """
        SELECT p.id FROM products p LEFT JOIN order_lines l
          ON l.product_id = p.id AND l.order_id > 3000
        WHERE p.stock IS NOT NULL
        GROUP BY p.id HAVING p.stock + COALESCE(sum(l.quantity), 0) <> 1000000""",
    "products without words to search": "SELECT id FROM products WHERE search = ''",
    "indexes that are none": "SELECT indexrelid FROM pg_index WHERE NOT indisvalid",
}


def _kept(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    with engine.connect() as connection:
        return {
            name: [
                tuple(bytes(x) if isinstance(x, memoryview) else x for x in row)
                for row in connection.execute(text(query))
            ]
            for name, query in KEPT.items()
        }


@pytest.fixture
def first(engine: Engine) -> Engine:
    """A database that the first release has made and filled."""
    downgrade(engine, "base")
    upgrade(engine, "0001")
    with engine.begin() as connection:
        connection.exec_driver_sql(DATA.replace("%", "%%"))  # as the driver wants it
    return engine


@pytest.fixture
def shoppers(first: Engine) -> Iterator[list[OldShoppers]]:
    """Three processes of the first release, as it were, at work."""
    crowd = [OldShoppers(first, range(n, 2001, 3)) for n in (1001, 1002, 1003)]
    for each in crowd:
        each.start()
    yield crowd
    for each in crowd:
        each.stop()


def test_nothing_is_lost_and_old_code_works_on(first: Engine, shoppers: list[OldShoppers]) -> None:
    before = _kept(first)
    wait_for(lambda: all(each.done > 3 for each in shoppers), "old code's work")
    upgrade(first)
    with first.connect() as connection:
        assert revision(connection) == head()
    done = [each.done for each in shoppers]
    wait_for(
        lambda: all(each.done > n + 3 for each, n in zip(shoppers, done, strict=True)),
        "old code's work on the new schema",
    )
    for each in shoppers:
        each.stop()

    assert _kept(first) == before
    with first.connect() as connection:
        for problem, query in WHOLE.items():
            assert connection.execute(text(query)).all() == [], problem
        keys = {
            (row.user_id, bytes(row.key))
            for row in connection.execute(text("SELECT user_id, key FROM cart_commands"))
        }
        totals: dict[int, int] = dict(
            row._tuple() for row in connection.execute(text("SELECT id, total_price FROM orders"))
        )
        names = set(connection.execute(text("SELECT username FROM users")).scalars())
    for each in shoppers:
        assert each.keys <= keys
        assert each.orders.items() <= totals.items()
        assert each.names <= names
        assert each.reads
    found = execute(first, catalogue.page, (Listing(search="creme brule"),), {}).result()
    assert found.products, "what was there before is searched by the new code"
