"""Orders that move on, and stock that comes back once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, event, text

from pearshop.db import audit, history
from pearshop.db import fulfilment as rows_of
from pearshop.db import product as product_rows
from pearshop.db import user as user_rows
from pearshop.db.history import Wanted
from pearshop.domain.fulfilment import Status
from pearshop.domain.order import Order
from pearshop.domain.user import Role, User
from pearshop.errors import Conflict, NotFound
from tests.db.conftest import Rows
from tests.db.test_order import place_all, placed, wish


def order_of(rows: Rows, user: User, *products: int, quantity: int = 1) -> Order:
    cart = rows.cart(user, **{f"p{each}": quantity for each in products})
    numbers = [each.number for each in cart.lines][-len(products) :]
    [result] = place_all(rows, [wish(user, *numbers, key=str(numbers))])
    return placed(result).order


def stock_of(rows: Rows, product: int) -> int | None:
    return rows.run(product_rows.by_ids, [product])[0].stock


@pytest.fixture
def editor(rows: Rows) -> User:
    return rows.run(user_rows.create, "editor", "hash", Role.EDITOR)


def test_an_order_moves_on_and_tells_so(rows: Rows, engine: Engine, editor: User) -> None:
    order = order_of(rows, rows.user(), rows.product().id)
    for status in (Status.PACKED, Status.SHIPPED, Status.DELIVERED):
        moved = rows.run(rows_of.advance, order.id, status, None, editor.id)
        assert moved.order.status == status
        assert moved.restocked == []
    assert [each.status for each in moved.order.events] == ["packed", "shipped", "delivered"]
    assert moved.order.updated_at == moved.order.events[-1].created_at
    with engine.connect() as connection:
        topics = connection.execute(text("SELECT topic FROM outbox ORDER BY id")).scalars().all()
    assert topics == ["order.placed", "order.packed", "order.shipped", "order.delivered"]
    entries = rows.run(audit.page, audit.Filter(subject="order", subject_id=order.id), 10, None)
    assert [each.action for each in entries] == ["order.delivered", "order.shipped", "order.packed"]
    assert (entries[0].username, entries[0].before) == ("editor", {"status": "shipped"})


def test_a_cancelled_order_puts_back_what_is_counted(rows: Rows, editor: User) -> None:
    pear, plum = rows.product(stock=5), rows.product()
    order = order_of(rows, rows.user(), pear.id, plum.id, quantity=2)
    assert stock_of(rows, pear.id) == 3
    moved = rows.run(rows_of.advance, order.id, Status.CANCELLED, None, editor.id)
    assert [(each.product.id, each.product.stock) for each in moved.restocked] == [(pear.id, 5)]
    assert moved.restocked[0].before == pear.updated_at < moved.restocked[0].product.updated_at
    again = rows.run(rows_of.advance, order.id, Status.CANCELLED, None, editor.id)
    assert again == rows_of.Moved(moved.order, [])
    assert stock_of(rows, pear.id) == 5
    assert stock_of(rows, plum.id) is None


def test_many_who_cancel_at_once_restock_once(rows: Rows) -> None:
    pear, user = rows.product(stock=9), rows.user()
    order = order_of(rows, user, pear.id, quantity=4)

    def cancel(_: int) -> Status:
        moved = rows.run(rows_of.advance, order.id, Status.CANCELLED, user.id, user.id)
        return moved.order.status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(cancel, range(16))) == {Status.CANCELLED}
    assert stock_of(rows, pear.id) == 9


def test_orders_and_cancels_of_the_same_products_do_not_lock_each_other_out(rows: Rows) -> None:
    pears = [rows.product(stock=1_000) for _ in range(3)]
    ids = [each.id for each in pears]
    made = [order_of(rows, rows.user(), *ids) for _ in range(8)]
    others = [rows.user() for _ in range(8)]
    carts = [rows.cart(user, **{f"p{each}": 1 for each in reversed(ids)}) for user in others]
    assert rows.grant

    def cancel(order: Order) -> None:
        rows.run(rows_of.advance, order.id, Status.CANCELLED, order.user_id, order.user_id)

    def place(at: int) -> None:
        numbers = [each.number for each in carts[at].lines]
        placed(place_all(rows, [wish(others[at], *numbers)])[0])

    with ThreadPoolExecutor(8) as pool:
        done = [
            *(pool.submit(cancel, each) for each in made),
            *(pool.submit(place, at) for at in range(len(others))),
        ]
        for each in done:
            each.result()
    assert [stock_of(rows, each) for each in ids] == [1_000 - len(others)] * 3


def test_its_owner_cancels_only_their_own_and_only_while_it_is_placed(
    rows: Rows, editor: User
) -> None:
    owner, stranger = rows.user(), rows.user()
    order = order_of(rows, owner, rows.product().id)
    with pytest.raises(NotFound):
        rows.run(rows_of.advance, order.id, Status.CANCELLED, stranger.id, stranger.id)
    rows.run(rows_of.advance, order.id, Status.PACKED, None, editor.id)
    with pytest.raises(Conflict):
        rows.run(rows_of.advance, order.id, Status.CANCELLED, owner.id, owner.id)
    assert rows.run(audit.page, audit.Filter(user_id=owner.id), 10, None) == []


def test_orders_are_found_by_what_staff_know_of_them(rows: Rows, editor: User) -> None:
    ada = rows.run(user_rows.create, "Ada_L", "hash")
    bob = rows.run(user_rows.create, "Adab", "hash")
    pear, plum = rows.product().id, rows.product().id
    first, second = order_of(rows, ada, pear), order_of(rows, bob, pear, plum)
    rows.run(rows_of.advance, first.id, Status.PACKED, None, editor.id)

    def found(wanted: Wanted) -> list[int]:
        page = rows.run(history.page, wanted, 10, None)
        assert len(page) == rows.run(history.count, wanted)
        return [each.id for each in page]

    assert found(Wanted()) == [second.id, first.id]
    assert found(Wanted(user_id=ada.id)) == [first.id]
    assert found(Wanted(status=Status.PLACED)) == [second.id]
    assert found(Wanted(product_id=plum)) == [second.id]
    assert found(Wanted(product_id=pear, status=Status.PACKED)) == [first.id]
    assert found(Wanted(since=second.created_at)) == [second.id]
    assert found(Wanted(until=second.created_at)) == [first.id]
    assert found(Wanted(search="ada")) == [second.id, first.id]
    assert found(Wanted(search="ada_")) == [first.id]  # no wildcard
    assert found(Wanted(search=f" #{first.id} ")) == [first.id]
    assert found(Wanted(search="9" * 30)) == found(Wanted(search="zoe")) == []


def test_a_page_of_orders_that_moved_on_is_one_statement(
    rows: Rows, engine: Engine, editor: User
) -> None:
    for _ in range(3):
        order = order_of(rows, rows.user(), rows.product().id)
        rows.run(rows_of.advance, order.id, Status.PACKED, None, editor.id)
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    page = rows.run(history.page, Wanted(), 10, None)
    assert [[event.status for event in each.events] for each in page] == [["packed"]] * 3
    assert len(statements) == 1
