"""Shoppers against a shop in memory, and the audit of its books on a real database."""

from collections import Counter
from datetime import datetime

import pytest
from sqlalchemy import Engine, text

from loadtests import client
from loadtests.book import Book
from loadtests.client import Account, GaveUpError, Stats
from loadtests.reconcile import Finding, audit, take_baseline
from loadtests.result import Driven, Result, percentiles, sheets
from loadtests.shopper import Shopper
from loadtests.trace import Add, Invoice, Plan
from tests.loadtests.fake_shop import FakeShop, save, stock_shop


def invoice(number: str, customer: str, *adds: tuple[int, int]) -> Invoice:
    return Invoice(number, customer, "France", datetime(2011, 1, 1), [Add(*add) for add in adds])


TRIPS = {
    "ann": [
        invoice("1", "ann", (1, 6), (2, 3), (1, 4)),
        invoice("2", "ann", (1, 1), (2, 9)),
        invoice("3", "ann", (2, 7), (3, 1)),
    ],
    "bob": [invoice("4", "bob", (3, 2)), invoice("5", "bob", (2, 99))],
}


async def shop(fake: FakeShop) -> Book:
    book = Book()
    for name, invoices in TRIPS.items():
        account = Account(fake, name, "secret")
        await account.open()
        await Shopper(account, book).replay(invoices, lambda: None)
    return book


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "BACKOFF_S", 0)


@pytest.mark.parametrize("lose", [0, 2, 3])
async def test_shoppers_note_what_was_acknowledged(lose: int) -> None:
    fake = FakeShop(lose)
    book = await shop(fake)
    assert book.problems == []
    assert sorted(book.orders) == [order["id"] for order in fake.orders] == [1, 2, 3, 4]
    assert [line.quantity for line in book.orders[1].lines] == [10, 3]
    assert book.carts == {"ann": {2: 7}, "bob": {2: 99}}
    assert fake.stats.counts - Counter(retries=99) == {
        "adds": 9,
        "adds that raised a line": 1,
        "orders": 4,
        "orders refused for stock": 3,
        "lines out of stock": 3,
        "orders without what was out of stock": 2,
        "invoices with nothing left to order": 1,
        "drops": 1,
    }


async def test_a_shop_that_never_answers_is_given_up() -> None:
    fake = FakeShop(status=503)
    with pytest.raises(GaveUpError):
        await Account(fake, "ann", "secret").open()
    assert fake.stats.requests == client.ATTEMPTS


async def test_refusals_that_are_not_expected_are_problems() -> None:
    fake, book = FakeShop(), Book()
    shopper = Shopper(Account(fake, "ann", "secret"), book)
    fake.status = 400
    await shopper.replay([invoice("1", "ann", (1, 6))], lambda: None)
    assert book.problems == ["ann: add of product 1: 400 no"]


async def findings(engine: Engine, *faults: str) -> list[Finding]:
    with engine.begin() as connection:
        stock_shop(connection)
        before = take_baseline(connection)
    fake = FakeShop()
    book = await shop(fake)
    with engine.begin() as connection:
        save(connection, fake)
        for fault in faults:
            connection.execute(text(fault))
        return audit(connection, before, book)


async def test_good_books_pass_every_check(engine: Engine) -> None:
    found = await findings(engine)
    assert [finding.summary() for finding in found] == ["ok"] * 9
    assert sum(finding.looked_at for finding in found) > 20


ANSWERS, KEPT, UNASKED = (
    "every answer fits its request",
    "every acknowledged order is there",
    "no order is there twice or unasked for",
)
LINES, TOTALS, STOCKS, EVENTS = (
    "every line, quantity and price is right",
    "every total is right",
    "stock at first = left + sold",
    "the outbox has each order once",
)
CARTS, USERS = "carts hold just what was not ordered (lines)", "no account but the shoppers'"
DOUBLE = (
    "INSERT INTO orders SELECT 99, user_id, delivery_address, total_price, 'again', fingerprint, "
    "created_at, updated_at FROM orders WHERE id = 1"
)


@pytest.mark.parametrize(
    ("fault", "failed"),
    [
        ("DELETE FROM order_lines WHERE order_id = 1 AND product_id = 1", {LINES, TOTALS, STOCKS}),
        ("UPDATE order_lines SET quantity = 11 WHERE quantity = 10", {LINES, TOTALS, STOCKS}),
        ("UPDATE order_lines SET price = 1 WHERE quantity = 10", {LINES, TOTALS}),
        ("UPDATE orders SET total_price = total_price + 1 WHERE id = 2", {TOTALS}),
        ("UPDATE orders SET user_id = 2 WHERE id = 1", {KEPT}),
        ("UPDATE orders SET user_id = 1 WHERE id = 4", {KEPT}),
        (DOUBLE, {UNASKED}),
        ("UPDATE products SET stock = stock + 1 WHERE id = 2", {STOCKS}),
        ("UPDATE products SET stock = NULL WHERE id = 1", {STOCKS}),
        ("DELETE FROM outbox WHERE subject_id = 3", {EVENTS}),
        ("UPDATE outbox SET subject_id = 77 WHERE subject_id = 3", {EVENTS}),
        ("UPDATE carts SET lines = '[]' WHERE user_id = 1", {CARTS}),
        ("UPDATE carts SET lines = '[[1, 2, 8, 0, 0]]' WHERE user_id = 1", {CARTS}),
        ("INSERT INTO users VALUES (9, 'eve', 'eve', 'x')", {USERS}),
    ],
)
async def test_a_planted_fault_is_found(engine: Engine, fault: str, failed: set[str]) -> None:
    found = await findings(engine, fault)
    assert {finding.check for finding in found if not finding.ok} == failed
    assert all(finding.summary().startswith("FAILED: ") for finding in found if not finding.ok)


async def test_a_lost_order_is_found(engine: Engine) -> None:
    found = await findings(
        engine, "DELETE FROM order_lines WHERE order_id = 1", "DELETE FROM orders WHERE id = 1"
    )
    failed = {finding.check for finding in found if not finding.ok}
    assert failed == {KEPT, LINES, TOTALS, STOCKS}


def test_percentiles_and_tables() -> None:
    assert percentiles([]) == (0, 0, 0)
    assert percentiles([n / 100 for n in range(100, 0, -1)]) == (0.51, 0.96, 1.0)
    driven = Driven(Stats({"add": [0.01]}, 7, Counter(adds=5)), 2, 7, 3.5)
    result = Result(
        Plan([], Counter({"cancellation": 3})), 32, driven, [Finding(ANSWERS, 4, ("a", "b"))]
    )
    assert not result.ok
    shown = "\n".join(sheet.markdown() for sheet in sheets(result))
    assert "| requests/s | 2 |" in shown
    assert "| cancellation | 3 |" in shown
    assert f"| {ANSWERS} (4) | FAILED: a; b |" in shown
