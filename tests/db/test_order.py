"""Orders: all or nothing, once, and never more than there is."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, event, text

from pearshop.db import history
from pearshop.db import product as product_rows
from pearshop.db.cart import load
from pearshop.db.history import Wanted
from pearshop.db.order import Placed, PlaceOrder, place
from pearshop.domain.stock import Left
from pearshop.domain.user import User
from pearshop.errors import Conflict, Invalid, KeyReused, Refused
from tests.db.conftest import WAITING, Rows
from tests.waiting import wait_for


def wish(user: User, *numbers: int, key: str = "key", address: str = "Here") -> PlaceOrder:
    return PlaceOrder(user.id, user.username, key.encode(), address.encode(), numbers, address)


def place_all(rows: Rows, wishes: list[PlaceOrder]) -> list[Placed | Refused]:
    results = rows.run(place, rows.grant, wishes)
    assert results is not None
    return results


def placed(result: Placed | Refused) -> Placed:
    assert isinstance(result, Placed), result
    return result


def scalar(engine: Engine, query: str) -> object:
    with engine.connect() as connection:
        return connection.execute(text(query)).scalar_one()


def test_an_order_takes_lines_and_stock_and_leaves_an_event(rows: Rows, engine: Engine) -> None:
    user, pear, plum = rows.user(), rows.product(100, stock=5), rows.product(7)
    rows.cart(user, **{f"p{pear.id}": 2, f"p{plum.id}": 3})
    [result] = place_all(rows, [wish(user, 1)])
    order = placed(result).order
    assert (order.total_price, [line.quantity for line in order.lines]) == (200, [2])
    assert rows.run(history.get, order.id, user.id) == order
    assert [line.number for line in rows.run(load, [user.id], []).carts[user.id].lines] == [2]
    assert rows.run(product_rows.get, pear.id).stock == 3
    assert placed(result).left == {pear.id: Left(3, pear.updated_at)}
    assert scalar(engine, "SELECT subject_id FROM outbox") == order.id


def test_a_refused_order_leaves_its_neighbours_alone(rows: Rows, engine: Engine) -> None:
    users, pear = [rows.user() for _ in range(3)], rows.product(stock=2)
    for user in users:
        rows.cart(user, **{f"p{pear.id}": 1})
    results = place_all(rows, [wish(users[0], 1), wish(users[1], 99), wish(users[2], 1)])
    assert placed(results[0]).left == placed(results[2]).left == {pear.id: Left(0, pear.updated_at)}
    assert isinstance(results[1], Invalid)
    assert placed(results[0]).order.total_price == placed(results[2]).order.total_price == 100
    assert scalar(engine, "SELECT count(*) FROM orders") == 2


def test_a_batch_is_first_come_first_served(rows: Rows) -> None:
    users, pear = [rows.user() for _ in range(4)], rows.product(stock=3)
    for user, quantity in zip(users, (2, 2, 1, 1), strict=True):
        rows.cart(user, **{f"p{pear.id}": quantity})
    results = place_all(rows, [wish(user, 1) for user in users])
    assert [isinstance(result, Placed) for result in results] == [True, False, True, False]
    short = results[1]
    assert isinstance(short, Conflict)
    assert short.extra["lines"][0]["available"] == 1


def test_a_repeat_answers_with_the_first_order(rows: Rows, engine: Engine) -> None:
    user, pear = rows.user(), rows.product(stock=9)
    rows.cart(user, **{f"p{pear.id}": 1})
    [first] = place_all(rows, [wish(user, 1)])
    [again] = place_all(rows, [wish(user, 1)])
    assert placed(again).repeated
    assert placed(again).order == placed(first).order
    assert scalar(engine, "SELECT count(*) FROM orders") == 1
    assert rows.run(product_rows.get, pear.id).stock == 8


def test_a_key_with_another_body_is_refused(rows: Rows) -> None:
    user, pear = rows.user(), rows.product()
    rows.cart(user, **{f"p{pear.id}": 1})
    place_all(rows, [wish(user, 1)])
    [result] = place_all(rows, [wish(user, 1, address="There")])
    assert isinstance(result, KeyReused)


def test_prices_charged_stay_whatever_becomes_of_the_product(rows: Rows) -> None:
    user, pear = rows.user(), rows.product(100)
    rows.cart(user, **{f"p{pear.id}": 2})
    [result] = place_all(rows, [wish(user, 1)])
    rows.run(product_rows.change, pear.id, {"price": 999, "name": "Quince"})
    rows.run(product_rows.hide, pear.id)
    assert rows.run(history.get, placed(result).order.id, user.id) == placed(result).order


def test_many_at_once_never_sell_more_than_there_is(rows: Rows, engine: Engine) -> None:
    users = [rows.user() for _ in range(60)]
    products = [rows.product(stock=10), rows.product(stock=10)]
    for index, user in enumerate(users):
        # Carts name the products in both orders, so that careless locks would deadlock.
        wanted = products if index % 2 else products[::-1]
        rows.cart(user, **{f"p{product.id}": 1 for product in wanted})
    batches = [users[start::12] for start in range(12)]
    with ThreadPoolExecutor(6) as threads:
        results = list(
            threads.map(lambda batch: place_all(rows, [wish(u, 1, 2) for u in batch]), batches)
        )
    sold = [r for batch in results for r in batch if isinstance(r, Placed)]
    assert len(sold) == 10
    assert scalar(engine, "SELECT sum(stock) FROM products") == 0
    assert scalar(engine, "SELECT count(*) FROM order_lines") == 20


def test_one_order_under_two_runs_at_once_is_placed_once(rows: Rows, engine: Engine) -> None:
    user, pear = rows.user(), rows.product()
    rows.cart(user, **{f"p{pear.id}": 1})
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda _: place_all(rows, [wish(user, 1)])[0], range(4)))
    assert len({placed(result).order.id for result in results}) == 1
    assert scalar(engine, "SELECT count(*) FROM orders") == 1


def test_what_is_counted_and_what_is_not_are_sold_together(rows: Rows, engine: Engine) -> None:
    users, pear, plum = [rows.user() for _ in range(3)], rows.product(stock=5), rows.product(7)
    for user in users:
        rows.cart(user, **{f"p{pear.id}": 1, f"p{plum.id}": 2})
    results = [placed(each) for each in place_all(rows, [wish(user, 1, 2) for user in users])]
    assert [each.order.total_price for each in results] == [114] * 3
    ids = [each.order.id for each in results]
    assert ids == sorted(set(ids))
    assert scalar(engine, "SELECT array_agg(subject_id ORDER BY id) FROM outbox") == ids
    assert [rows.run(product_rows.get, each.id).stock for each in (pear, plum)] == [2, None]


@pytest.mark.parametrize("after", [None, 1])
def test_a_product_that_changes_while_an_order_waits_for_it(
    rows: Rows, engine: Engine, after: int | None
) -> None:
    """Two of it are wanted, and two there were: sold if it is counted no more, else refused."""
    user, pear = rows.user(), rows.product(stock=2)
    rows.cart(user, **{f"p{pear.id}": 2})
    assert rows.grant
    with engine.connect() as other, ThreadPoolExecutor(1) as thread:
        other.execute(text("UPDATE products SET stock = :stock"), {"stock": after})
        waits = thread.submit(place_all, rows, [wish(user, 1)])
        wait_for(lambda: waits.done() or scalar(engine, WAITING), "the order to wait")
        assert not waits.done()
        other.commit()
        [result] = waits.result()
    assert isinstance(result, Conflict if after else Placed)
    assert scalar(engine, "SELECT stock FROM products") == after


def test_many_orders_are_one_commit_and_few_statements(rows: Rows, engine: Engine) -> None:
    users, pear = [rows.user() for _ in range(20)], rows.product(stock=100)
    for user in users:
        rows.cart(user, **{f"p{pear.id}": 1})
    first = rows.user()
    rows.cart(first, **{f"p{pear.id}": 1})
    place_all(rows, [wish(first, 1)])  # the connection's first: it prepares the statements
    statements: list[str] = []
    commits: list[object] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    event.listen(engine, "commit", commits.append)
    place_all(rows, [wish(user, 1) for user in users])
    assert len(commits) == 1
    assert len(statements) == 3


def test_a_page_of_orders_is_one_statement(rows: Rows, engine: Engine) -> None:
    user, products = rows.user(), [rows.product() for _ in range(3)]
    rows.cart(user, **{f"p{product.id}": 1 for product in products})
    for number in (1, 2, 3):
        place_all(rows, [wish(user, number, key=str(number))])
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    page = rows.run(history.page, Wanted(user.id), 2, None)
    assert len(statements) == 1
    assert [order.lines[0].product_id for order in page] == [p.id for p in products[:0:-1]]
    rest = rows.run(history.page, Wanted(user.id), 2, page[-1].id)
    assert [order.lines[0].product_id for order in rest] == [products[0].id]
