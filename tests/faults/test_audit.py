"""The audit on a real database: a true day passes, and each planted fault is found."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text

from loadtests.book import Acknowledged
from loadtests.reconcile import Finding
from pearshop.domain.cart import line_id
from tests.db.conftest import Rows
from tests.faults.audit import audit
from tests.faults.history import Add, Change, Line, Operation, Order, Outcome, SignIn
from tests.faults.stored import digest
from tests.faults.truth import Truth, a_day

ANSWERS, KEPT, UNASKED, LINES, TOTALS, STOCK, EVENTS, CARTS = (
    "every answer fits its request",
    "every acknowledged order is there",
    "no order is there twice or unasked for",
    "every line, quantity and price is right",
    "every total is right",
    "stock at first = left + sold",
    "the outbox has each order once",
    "carts hold just what was not ordered (lines)",
)
COMMANDS, PIECES, KEYS, ORDER_KEYS, REFUSED, SENT = (
    "every acknowledged cart command is there",
    "every line holds its adds, once each",
    "no key is used twice",
    "no key has placed two orders",
    "nothing that was refused was carried out",
    "no command is there that nobody sent",
)
ORDER, FINAL, HALF, OVERSOLD, HOT = (
    "every cart's history is linearizable",
    "every cart is as its history leaves it",
    "no order is there in part",
    "no product is oversold",
    "every hot cart equals its row",
)
ANN, BOB = "user_id = (SELECT min(id) FROM users)", "user_id = (SELECT max(id) FROM users)"
FIRST_ORDER, LAST_ORDER = "(SELECT min(id) FROM orders)", "(SELECT max(id) FROM orders)"
COPY_ORDER = (
    "INSERT INTO orders SELECT id + 99, user_id, delivery_address, 0, {key}, fingerprint, "
    f"created_at, updated_at FROM orders WHERE id = {FIRST_ORDER}"
)


@pytest.fixture
def truth(engine: Engine) -> Truth:
    return a_day(Rows(engine))


def audited(engine: Engine, truth: Truth) -> list[Finding]:
    with engine.connect() as connection:
        return audit(connection, truth.history, truth.read_cart)


def failed(findings: list[Finding]) -> set[str]:
    return {finding.check for finding in findings if not finding.ok}


def plant(engine: Engine, *statements: str, **values: object) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement), values)


def pieces(cart: str, by: int) -> str:
    """A statement that changes how much the last line of a cart holds."""
    held = f"to_jsonb((lines -> -1 ->> 2)::int + {by})"
    return f"UPDATE carts SET lines = jsonb_set(lines, '{{-1,2}}', {held}) WHERE {cart}"


def test_a_true_day_passes_every_check(engine: Engine, truth: Truth) -> None:
    findings = audited(engine, truth)
    assert [finding.summary() for finding in findings] == ["ok"] * 20
    looked_at = {finding.check: finding.looked_at for finding in findings}
    assert looked_at[COMMANDS] == 12
    assert looked_at[PIECES] == 5
    assert looked_at[REFUSED] == 2
    assert looked_at[ORDER] == 17
    assert looked_at[HALF] == looked_at[HOT] == 2


def test_a_shop_can_be_audited_again_and_again(engine: Engine) -> None:
    rows = Rows(engine)
    a_day(rows)
    assert failed(audited(engine, a_day(rows))) == set()


DROP_ORDER_KEYS = "ALTER TABLE orders DROP CONSTRAINT uq_orders_user_id_key"
DROP_COMMAND_KEYS = "ALTER TABLE cart_commands DROP CONSTRAINT pk_cart_commands"
DROP_EVENT_KEYS = "ALTER TABLE outbox DROP CONSTRAINT uq_outbox_topic_subject_id"
DROP_STOCK_CHECK = "ALTER TABLE products DROP CONSTRAINT ck_products_stock"
FAULTS: dict[str, tuple[list[str], set[str]]] = {
    "a lost update": ([pieces(BOB, -4)], {PIECES, FINAL}),
    "an add applied twice": ([pieces(BOB, 4)], {PIECES, FINAL}),
    "half of a command whose answer is lost": ([pieces(ANN, -1)], {PIECES, FINAL}),
    "a lost cart": ([f"DELETE FROM carts WHERE {BOB}"], {PIECES, FINAL}),
    "numbers that jump": ([f"UPDATE carts SET next_number = 9 WHERE {BOB}"], {FINAL}),
    "the later of two commands applied first": (
        [f"UPDATE carts SET lines = jsonb_set(lines, '{{0,2}}', '5') WHERE {ANN}"],
        {FINAL},
    ),
    "a command that is there twice": (
        [
            DROP_COMMAND_KEYS,
            f"INSERT INTO cart_commands SELECT * FROM cart_commands WHERE {ANN} LIMIT 1",
        ],
        {KEYS},
    ),
    "a command that nobody sent": (
        [f"INSERT INTO cart_commands SELECT user_id, 'other', '' FROM carts WHERE {ANN}"],
        {SENT},
    ),
    "a lost order": (
        [
            f"DELETE FROM outbox WHERE subject_id = {FIRST_ORDER}",
            f"DELETE FROM order_lines WHERE order_id = {FIRST_ORDER}",
            f"DELETE FROM orders WHERE id = {FIRST_ORDER}",
        ],
        {KEPT, LINES, TOTALS, STOCK, EVENTS, PIECES},
    ),
    "two orders for one key": (
        [DROP_ORDER_KEYS, COPY_ORDER.format(key="key")],
        {UNASKED, KEYS, ORDER_KEYS, HALF},
    ),
    "an order that nobody asked for": ([COPY_ORDER.format(key="'other'")], {UNASKED, HALF}),
    "an order without one of its lines": (
        [f"DELETE FROM order_lines WHERE order_id = {FIRST_ORDER} AND quantity = 5"],
        {LINES, TOTALS, STOCK, HALF, PIECES},
    ),
    "an order without lines whose answer is lost": (
        [f"DELETE FROM order_lines WHERE order_id = {LAST_ORDER}"],
        {TOTALS, HALF, PIECES, ORDER},
    ),
    "an order without event": (
        [f"DELETE FROM outbox WHERE subject_id = {LAST_ORDER}"],
        {EVENTS, HALF},
    ),
    "an order with two events": (
        [
            DROP_EVENT_KEYS,
            "INSERT INTO outbox (topic, subject_id, payload) SELECT topic, subject_id, payload "
            f"FROM outbox WHERE subject_id = {FIRST_ORDER}",
        ],
        {EVENTS},
    ),
    "events that tell of other orders": (
        ["UPDATE outbox SET payload = jsonb_set(payload, '{total_price}', '1')"],
        {HALF},
    ),
    "an order that left its line in the cart": (
        [
            "UPDATE carts SET lines = lines || (SELECT jsonb_build_array(jsonb_build_array(2, "
            f"product_id, quantity, 0, 0)) FROM order_lines WHERE order_id = {LAST_ORDER}) "
            f"WHERE {BOB}"
        ],
        {HALF, FINAL},
    ),
    "a wrong total": (
        [f"UPDATE orders SET total_price = total_price + 1 WHERE id = {FIRST_ORDER}"],
        {TOTALS, HALF},
    ),
    "a wrong price": (
        [f"UPDATE order_lines SET price = 1 WHERE order_id = {FIRST_ORDER} AND price = 100"],
        {LINES, TOTALS, HALF},
    ),
    "another address": (
        [f"UPDATE orders SET delivery_address = 'x' WHERE id = {LAST_ORDER}"],
        {HALF},
    ),
    "stock that went elsewhere": (["UPDATE products SET stock = stock - 1"], {STOCK}),
    "stock below zero": (
        [DROP_STOCK_CHECK, "UPDATE products SET stock = -1 WHERE stock IS NOT NULL"],
        {STOCK, OVERSOLD},
    ),
}


@pytest.mark.parametrize(("statements", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_fault_in_the_database_is_found(
    engine: Engine, truth: Truth, statements: list[str], expected: set[str]
) -> None:
    plant(engine, *statements)
    assert failed(audited(engine, truth)) == expected


def sent(truth: Truth, kind: type, outcome: Outcome) -> Operation:
    """The first operation of that kind and outcome."""
    return next(
        each
        for each in truth.history.operations
        if isinstance(each.request, kind) and each.outcome is outcome
    )


def test_a_lost_command_is_found(engine: Engine, truth: Truth) -> None:
    key = digest(sent(truth, Add, Outcome.ACKNOWLEDGED).key)
    plant(engine, "DELETE FROM cart_commands WHERE key = :key", key=key)
    assert failed(audited(engine, truth)) == {COMMANDS}


def test_a_command_of_somebody_else_is_no_substitute(engine: Engine, truth: Truth) -> None:
    values = {"key": digest(sent(truth, Add, Outcome.ACKNOWLEDGED).key), "bob": truth.bob.id}
    plant(engine, "UPDATE cart_commands SET user_id = :bob WHERE key = :key", **values)
    assert failed(audited(engine, truth)) == {COMMANDS, SENT}


def test_a_refused_command_that_was_carried_out_is_found(engine: Engine, truth: Truth) -> None:
    key = digest(sent(truth, Change, Outcome.REFUSED).key)
    plant(engine, "INSERT INTO cart_commands VALUES (:ann, :key, '')", ann=truth.ann.id, key=key)
    assert failed(audited(engine, truth)) == {REFUSED}


def test_commands_that_took_effect_out_of_order_are_found(engine: Engine, truth: Truth) -> None:
    changes = [each for each in truth.history.operations if isinstance(each.request, Change)]
    earlier, later = changes[-2:]
    earlier.began, later.began = later.began, earlier.began
    earlier.ended, later.ended = later.ended, earlier.ended
    assert failed(audited(engine, truth)) == {ORDER}


def test_an_answer_that_is_not_the_stored_one_is_found(engine: Engine, truth: Truth) -> None:
    added = sent(truth, Add, Outcome.ACKNOWLEDGED)
    added.answer = Line(line_id(truth.ann.id, 1), truth.pears, 3)
    assert failed(audited(engine, truth)) == {COMMANDS, ORDER}


def test_more_sold_than_there_was_is_found_where_the_sum_is_right(
    engine: Engine, truth: Truth
) -> None:
    plant(
        engine,
        DROP_STOCK_CHECK,
        "UPDATE products SET stock = -1 WHERE stock IS NOT NULL",
    )
    truth.history.before.stock[truth.pears] = 4
    assert failed(audited(engine, truth)) == {OVERSOLD}


def test_an_order_that_was_answered_as_somebody_elses_is_found(
    engine: Engine, truth: Truth
) -> None:
    order = sent(truth, Order, Outcome.ACKNOWLEDGED)
    assert isinstance(order.answer, Acknowledged)
    order.answer = replace(order.answer, username=truth.bob.username)
    assert failed(audited(engine, truth)) == {ANSWERS, KEPT}


@pytest.mark.parametrize(
    "differ",
    [
        lambda cart: {},
        lambda cart: {key: line._replace(quantity=1) for key, line in cart.items()},
    ],
    ids=["empty", "other quantities"],
)
def test_a_hot_cart_that_differs_is_found(
    engine: Engine, truth: Truth, differ: Callable[[dict[int, Line]], dict[int, Line]]
) -> None:
    with engine.connect() as connection:
        findings = audit(connection, truth.history, lambda name: differ(truth.read_cart(name)))
    assert failed(findings) == {HOT, CARTS}


def test_a_shopper_who_never_came_in_has_no_cart(engine: Engine, truth: Truth) -> None:
    operation = Operation("eve", 0, "eve-1", SignIn("/api/register/"), 1.0)
    operation.give_up(31.0)
    truth.history.operations.append(operation)
    assert failed(audited(engine, truth)) == set()
