"""The audit after a load: what its shoppers were told against what PostgreSQL holds.

Orders, prices, stock and outbox are checked as after a replay of orders, see
`loadtests.reconcile`; keys, carts and halves of orders here. It looks only at what came after the
history's baseline and at the history's shoppers, so a shop can be audited again and again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sqlalchemy import Connection

from loadtests import reconcile
from loadtests.book import Acknowledged, Book
from loadtests.reconcile import Finding
from tests.faults.history import (
    Add,
    Answer,
    CartCommand,
    Change,
    History,
    Line,
    Operation,
    Order,
    Outcome,
    Remove,
    cart_in_words,
)
from tests.faults.linearizable import Verdict, check
from tests.faults.stored import Key, Stored, StoredOrder, digest

ReadCart = Callable[[str], dict[int, Line]]
"""Returns the cart of a username as the shop answers it, by line id."""


def audit(connection: Connection, history: History, read_cart: ReadCart) -> list[Finding]:
    """Return one finding for each check, good ones too. The load must have stopped."""
    stored = Stored(connection, history)
    operations = list(_resolved(history.operations, stored))
    hot = {name: read_cart(name) for name in stored.users}
    case = _Case(history, operations, stored, hot)
    orders = reconcile.audit(connection, history.before, _book(case))
    return orders + [check(case) for check in CHECKS]


@dataclass(frozen=True)
class _Case:
    """All that the checks compare. `operations` is the history with no outcome unknown."""

    history: History
    operations: Sequence[Operation]
    stored: Stored
    hot: dict[str, dict[int, Line]]

    def acknowledged(self) -> Iterator[Operation]:
        """Yield what was acknowledged."""
        return (each for each in self.operations if each.outcome is Outcome.ACKNOWLEDGED)

    @cached_property
    def sent(self) -> dict[Key, Operation]:
        """What was sent, by the key that it was sent under."""
        return {key_of(each): each for each in self.operations}

    @cached_property
    def used(self) -> Counter[Key]:
        """How many cart commands and orders each key has in the database."""
        commands = Counter({key: len(lines) for key, lines in self.stored.commands.items()})
        return commands + Counter((order.username, order.key) for order in self.stored.orders)

    @cached_property
    def verdicts(self) -> dict[str, Verdict]:
        """Whether each cart's history is linearizable."""
        return {
            name: check([each for each in self.operations if each.shopper == name], user_id)
            for name, user_id in self.stored.users.items()
        }


def key_of(operation: Operation) -> Key:
    """Return what the database has of an operation's key."""
    return operation.shopper, digest(operation.key)


def _resolved(operations: Sequence[Operation], stored: Stored) -> Iterator[Operation]:
    """Yield the history with no outcome unknown: the database tells what was carried out.

    That counts as acknowledged at the very end, with the answer that a repeat would get; what was
    not carried out is left out.
    """
    end = 1 + max((each.ended or each.began for each in operations), default=0.0)
    answers: dict[Key, Answer] = {key: lines[0] for key, lines in stored.commands.items()}
    answers |= {(order.username, order.key): _answer(order) for order in stored.orders}
    for each in operations:
        if each.outcome is not Outcome.UNKNOWN:
            yield each
        elif key_of(each) in answers:
            answer = answers[key_of(each)]
            yield replace(each, outcome=Outcome.ACKNOWLEDGED, answer=answer, ended=end)


def _answer(order: StoredOrder) -> Acknowledged:
    return Acknowledged(order.id, order.username, order.total_price, tuple(order.lines))


def _book(case: _Case) -> Book:
    """Return the history as the book of a replay, with the carts as the shop answers them."""
    book = Book()
    for operation in case.acknowledged():
        order = operation.answer
        if isinstance(order, Acknowledged):
            book.add_order(order)
            if order.username != operation.shopper:
                book.problems.append(f"order {order.order_id} was given to {order.username}")
    for name in case.history.shoppers():
        lines = case.hot.get(name, {}).values()
        book.carts[name] = {line.product_id: line.quantity for line in lines}
    return book


def _commands_kept(case: _Case) -> Finding:
    done = [each for each in case.acknowledged() if isinstance(each.request, CartCommand)]
    wrong = []
    for each in done:
        rows = case.stored.commands.get(key_of(each))
        if rows is None:
            wrong.append(f"lost: {each}")
        elif rows[0] != each.answer:
            wrong.append(f"stored as {rows[0]}: {each}")
    return Finding("every acknowledged cart command is there", len(done), tuple(wrong))


def _pieces(case: _Case) -> Finding:
    """Sum up the adds of each line that was never changed, in whatever order they came."""
    stored, done = case.stored, list(case.acknowledged())
    left = {line.id: line.quantity for cart in stored.carts.values() for line in cart.lines}
    left |= {line.id: line.quantity for order in stored.orders for line in order.lines}
    touched = {x.request.line_id for x in done if isinstance(x.request, Change | Remove)}
    added: Counter[int] = Counter()
    for each in done:
        if isinstance(each.request, Add) and isinstance(each.answer, Line):
            added[each.answer.id] += each.request.quantity
    summed = {line: pieces for line, pieces in added.items() if line not in touched}
    wrong = [
        f"line {line}: {pieces} added, {left.get(line, 0)} there"
        for line, pieces in summed.items()
        if left.get(line, 0) != pieces
    ]
    return Finding("every line holds its adds, once each", len(summed), tuple(wrong))


def _keys_once(case: _Case) -> Finding:
    wrong = [
        f"{count} times: {case.sent.get(key, key[0])}"
        for key, count in case.used.items()
        if count > 1
    ]
    return Finding("no key is used twice", len(case.used), tuple(wrong))


def _one_order_a_key(case: _Case) -> Finding:
    keys = Counter((order.username, order.key) for order in case.stored.orders)
    wrong = [f"{n} orders: {case.sent.get(key, key[0])}" for key, n in keys.items() if n > 1]
    return Finding("no key has placed two orders", len(keys), tuple(wrong))


def _refused(case: _Case) -> Finding:
    refused = [x for x in case.operations if x.outcome in {Outcome.REFUSED, Outcome.FAILED}]
    wrong = [str(each) for each in refused if key_of(each) in case.used]
    return Finding("nothing that was refused was carried out", len(refused), tuple(wrong))


def _sent(case: _Case) -> Finding:
    commands = case.stored.commands
    wrong = [f"a command of {key[0]}: {commands[key]}" for key in commands if key not in case.sent]
    return Finding("no command is there that nobody sent", len(commands), tuple(wrong))


def _linearizable(case: _Case) -> Finding:
    count = sum(verdict.looked_at for verdict in case.verdicts.values())
    wrong = [verdict.problem for verdict in case.verdicts.values() if not verdict.ok]
    return Finding("every cart's history is linearizable", count, tuple(wrong))


def _final_carts(case: _Case) -> Finding:
    wrong = []
    for name, verdict in case.verdicts.items():
        cart = case.stored.carts.get(name)
        fits = cart in verdict.finals if cart else any(not x.lines for x in verdict.finals)
        if verdict.ok and not fits:
            wrong.append(
                f"cart of {name} is {cart_in_words(cart.lines) if cart else 'missing'} instead of "
                + " or ".join(cart_in_words(final.lines) for final in sorted(verdict.finals))
            )
    return Finding("every cart is as its history leaves it", len(case.verdicts), tuple(wrong))


def _whole_orders(case: _Case) -> Finding:
    wrong = [
        f"order {order.id} {problem}"
        for order in case.stored.orders
        for problem in _halves(order, case)
    ]
    return Finding("no order is there in part", len(case.stored.orders), tuple(wrong))


def _halves(order: StoredOrder, case: _Case) -> Iterable[str]:
    """Yield what an order lacks, or has that it was not asked for."""
    sent = case.sent.get((order.username, order.key))
    ids = {line.id for line in order.lines}
    if sent is not None and isinstance(sent.request, Order):
        asked = sent.request
        if ids != set(asked.line_ids):
            yield f"has lines {sorted(ids)} instead of {sorted(asked.line_ids)}"
        if order.address != asked.address:
            yield f"goes to {order.address!r} instead of {asked.address!r}"
    if order.total_price != sum(line.price * line.quantity for line in order.lines):
        yield f"has a total of {order.total_price} that its lines do not add up to"
    if not order.events:
        yield "has no event"
    lines = [[line.id, line.product_id, line.quantity, line.price] for line in order.lines]
    if any((x["lines"], x["total_price"]) != (lines, order.total_price) for x in order.events):
        yield "has an event that tells of another order"
    cart = case.stored.carts.get(order.username)
    if cart is not None and ids & {line.id for line in cart.lines}:
        yield "left its lines in the cart"


def _oversold(case: _Case) -> Finding:
    sold: Counter[int] = Counter()
    for order in case.stored.orders:
        for line in order.lines:
            sold[line.product_id] += line.quantity
    counted = {id_: count for id_, count in case.history.before.stock.items() if count is not None}
    left = case.stored.stock
    wrong = [
        f"product {product_id}: {first} at first, {sold[product_id]} sold, {left[product_id]} left"
        for product_id, first in counted.items()
        if sold[product_id] > first or (left.get(product_id) or 0) < 0
    ]
    return Finding("no product is oversold", len(counted), tuple(wrong))


def _hot_carts(case: _Case) -> Finding:
    wrong = []
    for name, hot in case.hot.items():
        row = case.stored.carts[name].lines if name in case.stored.carts else ()
        if hot != {line.id: line for line in row}:
            shown = cart_in_words(list(hot.values()))
            wrong.append(f"cart of {name} answers {shown}; its row is {cart_in_words(row)}")
    return Finding("every hot cart equals its row", len(case.hot), tuple(wrong))


CHECKS: tuple[Callable[[_Case], Finding], ...] = (
    _commands_kept,
    _pieces,
    _keys_once,
    _one_order_a_key,
    _refused,
    _sent,
    _linearizable,
    _final_carts,
    _whole_orders,
    _oversold,
    _hot_carts,
)
