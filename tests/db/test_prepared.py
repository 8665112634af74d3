"""Prepared statements."""

from sqlalchemy import Engine, event, text

from pearshop.db import cart, order
from pearshop.db.cart import CartSave, Done, encode
from pearshop.db.order import Placed, PlaceOrder
from pearshop.db.prepared import Prepared
from pearshop.domain.cart import Cart
from tests.db.conftest import Rows

NAMES = ["basis_of_orders", "load_carts", "lock_carts", "save_carts", "store_orders"]

SUM = Prepared(
    "test_sum",
    {"numbers": "bigint[]", "more": "int"},
    "SELECT sum(n) + :more, min(n)::text FROM unnest(:numbers) AS t(n)",
    before="set_config('pearshop.test', :word, true)",
)


def test_a_statement_is_prepared_once_for_a_connection(engine: Engine) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    for start in (1, 2):
        with engine.begin() as connection:
            parameters = {"numbers": [start, 10], "more": 5, "word": "100% :more"}
            assert SUM.execute(connection, parameters).one() == (start + 15, str(start))
    assert [each.split()[0] for each in statements] == ["PREPARE", "SELECT", "SELECT"]
    engine.dispose()
    with engine.begin() as connection:
        assert SUM.execute(connection, {"numbers": [], "more": 5, "word": ""}).one() == (None, None)


def test_plans_made_for_tables_of_one_page_use_their_indexes(rows: Rows, engine: Engine) -> None:
    """They are kept while the tables grow."""
    user, pear = rows.user(), rows.product(stock=9)
    stored, grant = rows.cart(user, **{f"p{pear.id}": 1}), rows.grant
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("ANALYZE"))
    engine.dispose()
    key = (user.id, b"first")
    emptied = encode(CartSave(Cart(user.id, 3, 2), (Done(b"second", b"", None),)))
    with engine.begin() as connection:
        assert cart.load(connection, [user.id], [key]).carts == {user.id: stored}
        wish = PlaceOrder(user.id, user.username, b"key", b"print", (1,), "Here")
        results = order.place(connection, grant, [wish])
        assert results
        assert isinstance(results[0], Placed)
        assert cart.save(connection, grant, [emptied]) == {user.id}
        read = connection.execute(
            text("SELECT relname FROM pg_stat_xact_user_tables WHERE seq_scan > 0")
        )
        assert set(read.scalars()) <= {"placement", "cart_hosts"}
        plans = connection.execute(
            text("SELECT name, generic_plans, custom_plans FROM pg_prepared_statements ORDER BY 1")
        )
        assert [tuple(each) for each in plans] == [(each, 1, 0) for each in NAMES]
