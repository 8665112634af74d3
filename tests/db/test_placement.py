"""The placement, who holds a host number, and that nothing is stored under a grant that is over."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, text

from pearshop.db import placement, user
from pearshop.db.cart import CartSave, Done, encode, save
from pearshop.db.order import PlaceOrder, place
from pearshop.db.placement import SHARE, Grant, Placement
from pearshop.domain.cart import Cart
from tests.db.conftest import Rows


def _set_hosts(rows: Rows, hosts: int) -> Placement:
    return _bound_hosts(rows, hosts, hosts)


def _bound_hosts(rows: Rows, least: int, most: int, release: str = "first") -> Placement:
    found: Placement = rows.run(placement.bound_hosts, least, most, release)
    return found


def test_the_epoch_grows_with_each_change_only(rows: Rows) -> None:
    assert _set_hosts(rows, 2) == Placement(1, 2, ("", ""), "first")
    assert _set_hosts(rows, 2).epoch == 1
    assert _set_hosts(rows, 3).epoch == 2
    second = _bound_hosts(rows, 3, 3, "second")
    assert second == Placement(2, 3, ("", "", ""), "second")


def test_bounds_move_the_number_of_hosts_only_as_far_as_they_must(rows: Rows) -> None:
    def bound(least: int, most: int) -> tuple[int, int]:
        found = _bound_hosts(rows, least, most)
        return found.epoch, found.hosts

    assert bound(2, 4) == (1, 2)
    assert bound(1, 4) == (1, 2)
    assert bound(3, 8) == (2, 3)
    assert bound(1, 3) == (2, 3)
    assert bound(1, 1) == (3, 1)


def test_of_two_who_resize_on_the_same_grounds_one_does(rows: Rows) -> None:
    epoch = _bound_hosts(rows, 1, 8).epoch
    assert rows.run(placement.resize, epoch, 3).hosts == 3
    late = rows.run(placement.resize, epoch, 2)
    assert (late.epoch, late.hosts) == (epoch + 1, 3)
    assert rows.run(placement.resize, late.epoch, 3).epoch == late.epoch


def test_a_pulse_tells_of_revoked_sessions(rows: Rows) -> None:
    _set_hosts(rows, 1)
    account = rows.user()
    kept, ended = (rows.run(user.open_session, account.id, "hash") for _ in range(2))
    rows.run(user.close_session, ended)
    first = rows.run(placement.pulse, None)
    assert ended in first.revoked
    assert kept not in first.revoked
    assert ended in rows.run(placement.pulse, first.at).revoked


def test_a_claim_names_the_process_and_each_one_is_new(rows: Rows) -> None:
    _set_hosts(rows, 2)
    first = rows.run(placement.claim, 1, "a")
    second = rows.run(placement.claim, 1, "b")
    assert second.incarnation > first.incarnation
    assert rows.run(placement.confirm, 1) == second
    assert rows.run(placement.pulse, None).placement.actors == ("", "b")


def _over(rows: Rows) -> Sequence[Grant]:
    """Return grants that are over: one by a later claim, one by another number of hosts."""
    _set_hosts(rows, 1)
    superseded = rows.run(placement.claim, 0, "a")
    rows.run(placement.claim, 0, "b")
    outgrown = rows.run(placement.confirm, 0)
    _set_hosts(rows, 2)
    return superseded, outgrown


@pytest.mark.parametrize("which", [0, 1])
def test_nothing_is_stored_under_a_grant_that_is_over(rows: Rows, which: int) -> None:
    product = rows.product()
    shopper, buyer = rows.user(), rows.user()
    cart = rows.cart(buyer, **{f"p{product.id}": 1})
    grant = _over(rows)[which]
    saves = [encode(CartSave(Cart(shopper.id, 1), (Done(b"k", b"", None),)))]
    assert rows.run(save, grant, saves) == frozenset()
    wish = PlaceOrder(buyer.id, buyer.username, b"k", b"", (cart.lines[0].number,), "Here")
    assert rows.run(place, grant, [wish]) is None
    with rows.engine.connect() as connection:
        stored = connection.execute(
            text("SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM cart_commands)")
        )
        assert tuple(stored.one()) == (0, 1)


def test_a_change_of_grants_waits_for_those_who_store(rows: Rows, engine: Engine) -> None:
    _set_hosts(rows, 1)
    with engine.connect() as storing, ThreadPoolExecutor(1) as other:
        storing.execute(text(f"SELECT {SHARE}"))
        change = other.submit(_set_hosts, rows, 2)
        _wait_for_waiting_lock(storing)
        assert not change.done()
        storing.rollback()
        assert change.result().epoch == 2


def _wait_for_waiting_lock(connection: Connection) -> None:
    waits = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    while not connection.execute(waits).scalar_one():
        pass
