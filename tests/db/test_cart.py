"""Carts as rows: conditional saves, known keys, one statement."""

from sqlalchemy import Engine, event

from pearshop.db.cart import CartSave, Done, EncodedSave, encode, lines_of_all, load, save
from pearshop.domain.cart import Cart, CartLine, line_id
from tests.db.conftest import Rows


def _save(cart: Cart, key: bytes = b"k", line: CartLine | None = None) -> EncodedSave:
    return encode(CartSave(cart, (Done(key, b"print", line),)))


def test_a_saved_cart_is_loaded_as_it_was(rows: Rows) -> None:
    user = rows.user()
    line = CartLine(1, 10, 3, 1_700_000_000_000_001, 1_700_000_000_000_002)
    cart = Cart(user.id, 1, 2, (line,))
    assert rows.run(save, rows.grant, [_save(cart, line=line)]) == {user.id}
    loaded = rows.run(load, [user.id, 999], [(user.id, b"k"), (user.id, b"other")])
    assert loaded.carts == {user.id: cart}
    assert loaded.commands == {(user.id, b"k"): Done(b"k", b"print", line)}


def test_a_save_that_does_not_follow_changes_nothing(rows: Rows) -> None:
    user = rows.user()
    rows.run(save, rows.grant, [_save(Cart(user.id, 1))])
    for version in (1, 3):
        stale = Cart(user.id, version, 9)
        assert rows.run(save, rows.grant, [_save(stale, f"v{version}".encode())]) == frozenset()
    loaded = rows.run(load, [user.id], [(user.id, b"v1"), (user.id, b"v3")])
    assert loaded.carts[user.id] == Cart(user.id, 1)
    assert loaded.commands == {}


def test_a_key_that_was_used_stops_its_cart_and_no_other(rows: Rows) -> None:
    first, second = rows.user(), rows.user()
    rows.run(save, rows.grant, [_save(Cart(first.id, 1)), _save(Cart(second.id, 1))])
    saves = [_save(Cart(first.id, 2), b"k"), _save(Cart(second.id, 2), b"new")]
    assert rows.run(save, rows.grant, saves) == {second.id}
    loaded = rows.run(load, [first.id, second.id], [])
    assert {user: cart.version for user, cart in loaded.carts.items()} == {
        first.id: 1,
        second.id: 2,
    }


def test_any_number_of_carts_is_one_statement(rows: Rows, engine: Engine) -> None:
    users = [rows.user() for _ in range(30)]
    grant = rows.grant
    rows.run(save, grant, [])  # the connection's first: it prepares the statement
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    commits: list[object] = []
    event.listen(engine, "commit", commits.append)
    rows.run(save, grant, [_save(Cart(user.id, 1)) for user in users])
    assert len(statements) == 1
    assert commits == []  # in autocommit the statement is the transaction


def test_lines_of_all_carts_come_in_pages(rows: Rows) -> None:
    users = [rows.user() for _ in range(5)]
    product = rows.product()
    other = rows.product()
    for user in users:
        rows.cart(user, **{f"p{product.id}": 1, f"p{other.id}": 2})
    seen: list[int] = []
    before: int | None = None
    while page := rows.run(lines_of_all, 3, before):
        seen += [line_id(user_id, line.number) for user_id, _, line in page]
        before = seen[-1]
    expected = [line_id(user.id, number) for user in users for number in (1, 2)]
    assert seen == sorted(expected, reverse=True)


def test_an_account_that_is_gone_spoils_no_one_elses_save(rows: Rows) -> None:
    user = rows.user()
    saves = [_save(Cart(user.id, 1)), _save(Cart(999_999, 1))]
    assert rows.run(save, rows.grant, saves) == {user.id}
