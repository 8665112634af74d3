"""Checks that a cart's history is linearizable: some order of its operations explains all answers.

Our own, for we found no kept one on PyPI: Porcupine is Go, Knossos is Clojure, and what there is
in Python on GitHub (mwhittaker/linearizability) draws small histories for teaching.

It is Wing and Gong's search with Lowe's memory and his "just in time" order (Testing for
Linearizability, 2017): walking through calls and returns, it keeps each configuration - a cart,
and which of the operations under way have taken effect in it - once. At a return it lets pending
operations take effect until the returning one has. So the work grows with the length of the
history and the number of operations at once, not with the number of orders.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from loadtests.book import Acknowledged
from pearshop.domain.cart import line_id
from tests.faults.history import (
    Add,
    Answer,
    Change,
    Line,
    Operation,
    Order,
    Outcome,
    Read,
    Remove,
    SignIn,
    cart_in_words,
)

NEIGHBOURS = 4
TELLING = frozenset({"line_unknown", "product_twice"})
"""Refusals that say what is in the cart, or what is not."""
LINES_THERE = frozenset({"out_of_stock"})
"""Refusals of an order that come after its lines were found in the cart."""


class Cart(NamedTuple):
    """A cart as the model keeps it: the id of the next new line, and the lines by id."""

    next_id: int
    lines: tuple[Line, ...] = ()


Configuration = tuple[Cart, frozenset[int]]
"""A cart, and the pending operations (by their place in the history) that it has in it."""


@dataclass(frozen=True)
class Verdict:
    """What came of a check; `problem` is empty for a linearizable history."""

    looked_at: int
    problem: str
    configurations: frozenset[Configuration] = frozenset()
    pending: Mapping[int, Operation] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the history is linearizable."""
        return not self.problem

    @cached_property
    def finals(self) -> frozenset[Cart]:
        """The carts that the history can end with, for each choice of unknown outcomes."""
        return frozenset(cart for cart, _ in _reached(self.configurations, self.pending))


def check(operations: Sequence[Operation], user_id: int) -> Verdict:
    """Check all operations on the cart of one user, which was empty before them.

    One with an unknown outcome may take effect at any time after it began, or never; each of them
    can double the work, so what is known from elsewhere should be told. Carts must stay far below
    their limits, which the model does not have.
    """
    relevant = [operation for operation in operations if _tells(operation)]
    configurations: frozenset[Configuration] = frozenset({(Cart(line_id(user_id, 1)), frozenset())})
    pending: dict[int, Operation] = {}
    for index, is_return in _events(relevant):
        operation = relevant[index]
        if not is_return:
            pending[index] = operation
            continue
        reached = _reached(configurations, pending, index)
        after = frozenset((cart, placed - {index}) for cart, placed in reached if index in placed)
        if not after:
            carts = {cart for cart, _ in configurations}
            return Verdict(len(relevant), _problem(operation, carts, relevant))
        configurations = after
        del pending[index]
    return Verdict(len(relevant), "", configurations, pending)


def apply(cart: Cart, request: Add | Change | Remove | Order) -> tuple[Cart, Answer] | str:
    """Return what a command makes of a cart and its answer, or the code of its refusal.

    An order's answer is here the lines that it takes.
    """
    match request:
        case Add(product_id, quantity):
            known = next((each for each in cart.lines if each.product_id == product_id), None)
            if known is not None:
                return _put(cart, Line(known.id, product_id, known.quantity + quantity))
            line = Line(cart.next_id, product_id, quantity)
            return Cart(cart.next_id + 1, (*cart.lines, line)), line
        case Change(identity, quantity, product_id):
            return _change(cart, identity, quantity, product_id)
        case Remove(identity):
            return _take(cart, {identity}, None)
        case Order(line_ids):
            taken = tuple(each for each in cart.lines if each.id in line_ids)
            return _take(cart, set(line_ids), taken)


def _change(
    cart: Cart, identity: int, quantity: int, product_id: int | None
) -> tuple[Cart, Answer] | str:
    known = next((each for each in cart.lines if each.id == identity), None)
    if known is None:
        return "line_unknown"
    wanted = known.product_id if product_id is None else product_id
    if any(each.product_id == wanted and each.id != identity for each in cart.lines):
        return "product_twice"
    return _put(cart, Line(identity, wanted, quantity))


def _put(cart: Cart, line: Line) -> tuple[Cart, Answer]:
    lines = tuple(line if each.id == line.id else each for each in cart.lines)
    return Cart(cart.next_id, lines), line


def _take(cart: Cart, ids: set[int], answer: Answer) -> tuple[Cart, Answer] | str:
    rest = tuple(each for each in cart.lines if each.id not in ids)
    if len(cart.lines) - len(rest) < len(ids):
        return "line_unknown"
    return Cart(cart.next_id, rest), answer


def _tells(operation: Operation) -> bool:
    """Whether an operation says anything about its cart."""
    if isinstance(operation.request, SignIn) or operation.outcome is Outcome.FAILED:
        return False
    if operation.outcome is Outcome.REFUSED:
        return operation.code in TELLING | LINES_THERE
    return operation.outcome is Outcome.ACKNOWLEDGED or not isinstance(operation.request, Read)


def _events(operations: Sequence[Operation]) -> list[tuple[int, bool]]:
    """Return calls and returns, `(index, is_return)`, in time; at one time, calls first."""
    times = [operation.interval for operation in operations]
    calls = [(start, False, index) for index, (start, _) in enumerate(times)]
    returns = [
        (end, True, index)
        for index, (_, end) in enumerate(times)
        if operations[index].ended is not None
    ]
    return [(index, is_return) for _, is_return, index in sorted(calls + returns)]


def _reached(
    configurations: frozenset[Configuration],
    pending: Mapping[int, Operation],
    goal: int | None = None,
) -> set[Configuration]:
    """Return all that pending operations can make of configurations, each until it has the goal."""
    seen = set(configurations)
    to_do = list(configurations)
    while to_do:
        cart, placed = to_do.pop()
        if goal in placed:
            continue
        for further in _steps(cart, placed, pending):
            if further not in seen:
                seen.add(further)
                to_do.append(further)
    return seen


def _steps(
    cart: Cart, placed: frozenset[int], pending: Mapping[int, Operation]
) -> Iterator[Configuration]:
    for index, operation in pending.items():
        if index not in placed:
            after = _step(cart, operation)
            if after is not None:
                yield after, placed | {index}


def _step(cart: Cart, operation: Operation) -> Cart | None:
    """Return the cart after an operation, or `None` where its answer does not fit."""
    if isinstance(operation.request, Read):
        return cart if cart.lines == operation.answer else None
    assert not isinstance(operation.request, SignIn)
    result = apply(cart, operation.request)
    if operation.outcome is Outcome.REFUSED:
        fits = result == operation.code or (
            operation.code in LINES_THERE and not isinstance(result, str)
        )
        return cart if fits else None
    if isinstance(result, str):
        return None
    after, answer = result
    fits = operation.outcome is Outcome.UNKNOWN or answer == _content(operation.answer)
    return after if fits else None


def _content(answer: Answer) -> Answer:
    """Return an answer as the model gives it: of an order, just its lines."""
    if isinstance(answer, Acknowledged):
        return tuple(sorted(Line(each.id, each.product_id, each.quantity) for each in answer.lines))
    return answer


def _problem(stuck: Operation, carts: set[Cart], operations: Sequence[Operation]) -> str:
    start, end = stuck.interval
    beside = [
        each
        for each in operations
        if each is not stuck and each.interval[0] <= end and each.interval[1] >= start
    ]
    before = sorted(
        (each for each in operations if each.interval[1] < start), key=lambda each: each.interval[1]
    )
    could_be = " or ".join(cart_in_words(cart.lines) for cart in sorted(carts))
    return (
        f"{stuck.shopper}: no order explains {stuck}. The cart could be: {could_be}. "
        f"Before it: {_listed(before[-NEIGHBOURS:])}. "
        f"At the same time: {_listed(beside[:NEIGHBOURS])}."
    )


def _listed(operations: Sequence[Operation]) -> str:
    return ", ".join(map(str, operations)) or "nothing"
