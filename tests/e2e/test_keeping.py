"""A shop that is up: backed up while shoppers shop, looked at by the doctor."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text

from loadtests.reconcile import take_baseline
from pearshop.db.engine import make_engine
from pearshop.domain.cart import line_id
from pearshop.settings import Settings, sqlalchemy_url
from tests.e2e.conftest import Shop, pearshop
from tests.faults.audit import audit, key_of
from tests.faults.history import History, Line
from tests.faults.shoppers import Load
from tests.faults.stored import Stored


@contextlib.contextmanager
def empty_database(shop: Shop) -> Iterator[str]:
    """Yield the URL of an empty database beside the shop's."""
    admin = create_engine(sqlalchemy_url(shop.run["database_url"]), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE copy"))
        try:
            url = make_url(shop.run["database_url"]).set(database="copy")
            yield url.render_as_string(hide_password=False)
        finally:
            connection.execute(text("DROP DATABASE copy WITH (FORCE)"))
    admin.dispose()


def as_of_the_backup(history: History, began: float, ended: float, stored: Stored) -> History:
    """Return what was done by the moment of a backup, which was between these times.

    What was acknowledged before has to be in the copy, what was sent afterwards cannot be. Of the
    rest the copy itself tells.
    """
    there = {*stored.commands, *((order.username, order.key) for order in stored.orders)}
    known = History(history.before)
    for each in history.operations:
        before = each.ended is not None and each.ended < began
        if before or (each.began < ended and key_of(each) in there):
            known.operations.append(each)
    return known


def cart_of(engine: Engine, username: str) -> dict[int, Line]:
    """Return a cart as the copy has it: no shop is at work there."""
    query = text(
        "SELECT c.user_id, c.lines FROM carts c JOIN users u ON u.id = c.user_id "
        "WHERE u.username = :name"
    )
    with engine.connect() as connection:
        row = connection.execute(query, {"name": username}).one_or_none()
    lines = [Line(line_id(row[0], each[0]), each[1], each[2]) for each in row[1]] if row else []
    return {line.id: line for line in lines}


def test_a_backup_while_shoppers_shop_comes_back_whole(shop: Shop, tmp_path: Path) -> None:
    products = [shop.product(stock=stock)["id"] for stock in (None, 1_000, 40, 15)]
    with shop.engine.connect() as connection:
        before = take_baseline(connection)
    load = Load(shop.run["api_url"], before, products, shoppers=4)
    file = tmp_path / "shop.backup"
    with load:
        load.await_acknowledged(5)
        began = time.monotonic()
        made = pearshop("backup", str(file), "--state-dir", str(shop.state))
        ended = time.monotonic()
        load.await_acknowledged(5)
    assert made.returncode == 0, made.stderr
    assert "Not in it: the signing key" in made.stdout

    with empty_database(shop) as url:
        restored = pearshop(
            *("restore", str(file), "--state-dir", str(tmp_path / "new")),
            PEARSHOP_DATABASE_URL=url,
        )
        assert restored.returncode == 0, restored.stderr
        assert "Everybody signs in again" in restored.stdout
        copy = make_engine(Settings(database_url=url))
        with copy.connect() as connection:
            stored = Stored(connection, load.history)
            known = as_of_the_backup(load.history, began, ended, stored)
            findings = audit(connection, known, lambda name: cart_of(copy, name))
        copy.dispose()
    assert sum(each.looked_at for each in findings) > 50
    assert [(x.check, x.summary()) for x in findings if not x.ok] == []


def test_a_restore_over_a_shop_that_is_up_is_refused(shop: Shop, tmp_path: Path) -> None:
    done = pearshop("restore", str(tmp_path / "any"), "--replace", "--state-dir", str(shop.state))
    assert done.returncode == 1
    assert "stop it with `pearshop down`" in done.stderr


def test_the_doctor_looks_at_a_shop_that_is_up(shop: Shop) -> None:
    done = pearshop("doctor", "--json", "--state-dir", str(shop.state))
    assert done.stdout, done.stderr
    found = {each["check"]: each for each in json.loads(done.stdout)}
    assert [each for each in found.values() if each["level"] == "FAIL"] == []
    assert done.returncode == 0
    for well in ("schema", "fsync", "connections", "Redis's clock", "PostgreSQL's disk"):
        assert found[well]["level"] == "ok", found[well]
    [clock] = [each for name, each in found.items() if name.startswith("clock of ")]
    assert clock["level"] == "ok"
    assert found["open ports"]["level"] == "warn"
    assert "ServeReplica:pearshop:Api" in found["open ports"]["says"]
