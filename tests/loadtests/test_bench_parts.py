"""What the benchmark sends, what it takes for right, and what it reads from logs and titles."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from loadtests.bench.books import Ledger
from loadtests.bench.books import problem_of as stored_problem
from loadtests.bench.checks import Answer, problem_of
from loadtests.bench.processes import (
    BARE_REPLICAS,
    FLOOR_REPLICAS,
    RAY,
    postgres_role,
    shop_role,
    spent,
)
from loadtests.bench.routes import (
    ADD,
    ADDRESS,
    CART_LINES,
    FIRST_PAGE,
    ORDER,
    PAGE,
    PRODUCT_BY_ID,
    READ_CART,
    ROUTES,
    SEARCH,
    FullCart,
    Request,
    Wares,
    bare_adds,
    bare_order,
    goods,
    order_request,
    requests_of,
    search_words,
    to_floor,
)
from loadtests.bench.statements import Transaction, kinds, tally, transactions_in, without_values
from loadtests.floor_answers import ANSWERS

COUNT = 2_000
SOLD = dict(enumerate(goods(COUNT), 1))
WARES = Wares(list(SOLD), ["ada", "bob"], search_words(list(SOLD.values())))
TIMES = {"created_at": "2026-01-01T00:00:00.000000Z", "updated_at": "2026-01-01T00:00:00.000000Z"}


def product(number: int) -> dict[str, Any]:
    return {"id": number, **SOLD[number]._asdict(), "image": "", **TIMES}


def line(identity: int, number: int, quantity: int = 1) -> dict[str, Any]:
    return {
        "id": identity,
        "product": product(number),
        "quantity": quantity,
        "total_price": SOLD[number].price * quantity,
        "user": {"id": 2, "username": "load-1001"},
        **TIMES,
    }


def order(*lines: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": 10_001,
        "user": {"id": 2, "username": "load-1001"},
        "delivery_address": ADDRESS,
        "order_items": list(lines),
        "total_price": sum(each["total_price"] for each in lines),
        **TIMES,
    }


def found(word: str) -> list[dict[str, Any]]:
    return [product(n) for n, good in SOLD.items() if word in good.name.split()][:PAGE]


CART = order_request(FullCart("ada", (7, 8, 9)))
WORD = WARES.words[0]
SEARCHING = Request("GET", f"/api/product/?search={WORD}&limit=20")
RIGHT: list[tuple[str, Request, Any]] = [
    ("product", Request("GET", "/api/product/5/"), product(5)),
    ("page", Request("GET", "/api/product/?limit=20"), [product(n) for n in range(1, PAGE + 1)]),
    ("search", SEARCHING, found(WORD)),
    ("cart", Request("GET", "/api/order-item/"), [line(n, n) for n in range(1, CART_LINES + 1)]),
    ("add", requests_of(ADD, WARES)[2], line(1, 3, 4)),
    ("order", CART, order(line(7, 1), line(8, 2), line(9, 3))),
]
WRONG: list[tuple[str, Request, Any]] = [
    ("product", Request("GET", "/api/product/5/"), product(6)),
    ("product", Request("GET", "/api/product/5/"), product(5) | {"price": 0}),
    ("product", Request("GET", "/api/product/5/"), product(5) | {"stock": -1}),
    ("product", Request("GET", "/api/product/5/"), {"id": 99_999}),
    ("page", Request("GET", "/api/product/?limit=20"), [product(n) for n in range(1, PAGE)]),
    ("page", Request("GET", "/api/product/?limit=20"), [product(1)] * PAGE),
    ("search", SEARCHING, found(WARES.words[1])),
    ("search", SEARCHING, []),
    ("cart", Request("GET", "/api/order-item/"), []),
    ("add", requests_of(ADD, WARES)[2], line(1, 4)),
    ("add", requests_of(ADD, WARES)[2], line(1, 3) | {"total_price": 1}),
    ("order", CART, order(line(7, 1), line(8, 2))),
    ("order", CART, order(line(7, 1), line(8, 2), line(9, 3)) | {"total_price": 1}),
    ("order", CART, []),
]


@pytest.mark.parametrize(("route", "request_", "content"), RIGHT)
def test_right_answers(route: str, request_: Request, content: Any) -> None:
    kind = ROUTES[route]
    answer = Answer(kind.status, orjson.dumps(content))
    assert problem_of(kind, request_, answer, SOLD) is None
    assert problem_of(kind, request_, replace(answer, status=503), SOLD) == f"{route}: status 503"
    assert problem_of(kind, request_, replace(answer, content=b"{"), SOLD)


@pytest.mark.parametrize(("route", "request_", "content"), WRONG)
def test_wrong_answers(route: str, request_: Request, content: Any) -> None:
    kind = ROUTES[route]
    assert problem_of(kind, request_, Answer(kind.status, orjson.dumps(content)), SOLD)


@pytest.mark.parametrize(("route", "request_", "content"), RIGHT)
def test_the_floor_answers_at_the_same_length(route: str, request_: Request, content: Any) -> None:
    constant = ANSWERS[ROUTES[route].method, ROUTES[route].floor.removeprefix("/floor")]
    assert len(constant) == pytest.approx(len(orjson.dumps(content)), rel=0.1)


def test_the_requests_of_a_route() -> None:
    assert goods(COUNT) == goods(COUNT)
    assert len(WARES.words) == 20
    assert len(requests_of(PRODUCT_BY_ID, WARES)) == COUNT
    assert len(requests_of(FIRST_PAGE, WARES)) == 1
    assert len(requests_of(SEARCH, WARES)) == 20
    assert [each.token for each in requests_of(READ_CART, WARES)] == ["ada", "bob"]
    adds = requests_of(ADD, WARES)
    assert len(set(adds)) == 2 * CART_LINES
    assert adds[0].line() == 'POST\t/api/order-item/\tada\t{"product_id":1,"quantity":1}\n'
    assert [each.path for each in to_floor(ORDER, [CART])] == ["/floor/order/"]
    assert orjson.loads(CART.body)["order_item_ids"] == [7, 8, 9]


def test_the_bare_writes_are_those_of_the_shop() -> None:
    adds = bare_adds(replace(WARES, users=[5, 6]))
    assert len(adds) == len(requests_of(ADD, WARES))
    assert adds[0] == Request("POST", "/bare/add/5/1/")
    assert bare_order(FullCart("ada", [7, 8, 9])) == Request("POST", "/bare/order/7,8,9/")


BEFORE = Ledger(pieces=100, orders=5, lines=15, sold=15, stock=1_000)


@pytest.mark.parametrize(
    ("change", "what", "problem"),
    [
        ({"pieces": 110}, "pieces", None),
        ({"pieces": 112}, "pieces", None),
        ({"pieces": 113}, "pieces", "13 pieces are stored, 10 were acknowledged"),
        ({"pieces": 109}, "pieces", "10 pieces were acknowledged, 9 are stored"),
        ({"orders": 15, "lines": 45, "sold": 45, "stock": 970}, "orders", None),
        ({"orders": 15, "lines": 44, "sold": 45, "stock": 970}, "orders", "have 29 lines"),
        ({"orders": 15, "lines": 45, "sold": 45, "stock": 971}, "orders", "29 left the stock"),
    ],
)
def test_what_was_stored(change: dict[str, int], what: str, problem: str | None) -> None:
    said = stored_problem(BEFORE, BEFORE._replace(**change), 10, 2, what)
    assert (problem in said) if problem and said else said == problem


LOG = """\
LOG:  received SIGHUP, reloading configuration files
bench 7 shop LOG:  statement: BEGIN
bench 7 shop LOG:  statement: SELECT 1, 'it''s'
\tFROM lines WHERE id = ANY(ARRAY[1, 2,3])
bench 8 shop LOG:  statement: SELECT pg_advisory_xact_lock_shared(5); EXECUTE save (ARRAY[1])
bench 8 shop DETAIL:  prepare: PREPARE save (bigint[]) AS
\tINSERT INTO carts SELECT 1
bench 9 peer LOG:  execute <unnamed>: INSERT INTO orders VALUES ($1, $2)
bench 9 peer DETAIL:  Parameters: $1 = '1', $2 = '2'
bench 7 shop LOG:  execute s1/p1: UPDATE products SET stock = 3
bench 7 shop LOG:  statement: COMMIT
bench 7 shop LOG:  statement: BEGIN; DELETE FROM carts
bench 7 shop LOG:  statement: ROLLBACK TO SAVEPOINT x
bench 7 shop LOG:  statement: ROLLBACK
bench 8 shop LOG:  statement: SELECT 'pulse 4'
bench 8 shop LOG:  statement: BEGIN
"""


def test_transactions_of_a_log() -> None:
    read = "SELECT ?, ? FROM lines WHERE id = ANY(ARRAY[?])"
    written = transactions_in(LOG, "shop")
    assert written == [
        Transaction(
            ("SELECT pg_advisory_xact_lock_shared(?); EXECUTE save (ARRAY[?])",), True, True
        ),
        Transaction((read.replace("?, ?", "?"), "UPDATE products SET stock = ?"), True, True),
        Transaction(("DELETE FROM carts", "ROLLBACK TO SAVEPOINT x"), False, True),
        Transaction(("SELECT ?",), True, False),
        Transaction((), False, False),
    ]
    assert (tally(written).statements, tally(written).commits) == (6, 2)
    assert tally(written, frozenset({"SELECT ?"})).statements == 5
    assert "SELECT ?" in kinds(written)
    (peer,) = transactions_in(LOG, "peer")
    assert (peer.statements, peer.writes) == (("INSERT INTO orders VALUES (?)",), True)


def test_a_statement_is_the_same_whatever_its_values() -> None:
    one = "SELECT x1 FROM t WHERE a = ANY(ARRAY['\\x00'::bytea, 'b'::bytea]) AND n > -2.5"
    other = "SELECT x1 FROM t  WHERE a = ANY(ARRAY['c'::bytea])\n AND n > 7"
    assert without_values(other) == without_values(one.replace("::bytea, 'b'", ""))
    assert without_values(one) == "SELECT x1 FROM t WHERE a = ANY(ARRAY[?]) AND n > ?"


@pytest.mark.parametrize(
    ("title", "role"),
    [
        ("postgres: postgres pearshop 127.0.0.1(50000) idle", "PostgreSQL connections"),
        ("postgres: postgres peer_django 127.0.0.1(50000) INSERT", None),
        ("postgres: checkpointer ", "PostgreSQL itself"),
        ("/some/bin/postgres", "PostgreSQL itself"),
    ],
)
def test_roles_of_postgresql(title: str, role: str | None) -> None:
    assert postgres_role(title, "pearshop") == role


def test_time_spent_by_role() -> None:
    before = {("Api replicas", 1): 2.0, ("Redis", 3): 1.0, ("cart hosts", 4): 9.0}
    after = {("Api replicas", 1): 2.5, ("Api replicas", 2): 0.25, ("Redis", 3): 1.0}
    assert spent(before, after) == {"Api replicas": 0.75, "Redis": 0.0}


def test_roles_of_the_cluster() -> None:
    assert shop_role(["ray::ServeReplica:floor:Floor"]) == FLOOR_REPLICAS
    assert shop_role(["ray::ServeReplica:bare:Bare"]) == BARE_REPLICAS
    assert shop_role(["ray::ServeReplica:pearshop:Api"]) == "Api replicas"
    assert shop_role(["ray::IDLE"]) == RAY
    assert shop_role(["/ray/core/raylet"]) == RAY
