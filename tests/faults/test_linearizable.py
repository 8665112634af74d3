"""The checker on histories written by hand, on random ones, and against every order tried."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pearshop.domain.cart import line_id
from tests.faults import linearizable
from tests.faults.history import Add, Attempt, Change, Line, Operation, Order, Read, Remove, Request
from tests.faults.linearizable import check
from tests.faults.simulation import OWNER, Simulation, explains, mutate, op, placed

FIRST, SECOND, THIRD = (line_id(OWNER, number) for number in (1, 2, 3))


def add(product: int, quantity: int, began: float, ended: float, *line: int) -> Operation:
    return op(Add(product, quantity), began, ended, Line(line[0], product, line[1]))


def lost(request: Request, began: float) -> Operation:
    return op(request, began, None, None)


def read(began: float, ended: float, *lines: tuple[int, int, int]) -> Operation:
    return op(Read(), began, ended, tuple(Line(*line) for line in lines))


def order(began: float, ended: float, *lines: tuple[int, int, int]) -> Operation:
    sold = [Line(*line) for line in lines]
    return op(Order(tuple(line.id for line in sold), "Here"), began, ended, placed(*sold))


PEARS = add(1, 2, 0, 1, FIRST, 2)

GOOD = {
    "nothing": [],
    "one after the other": [PEARS, add(1, 3, 2, 3, FIRST, 5), read(4, 5, (FIRST, 1, 5))],
    "a read beside an add sees it": [
        PEARS,
        add(2, 1, 2, 9, SECOND, 1),
        read(3, 4, (FIRST, 1, 2), (SECOND, 2, 1)),
    ],
    "a read beside an add does not": [PEARS, add(2, 1, 2, 9, SECOND, 1), read(3, 4, (FIRST, 1, 2))],
    "two at once, the later one first": [add(1, 1, 0, 9, FIRST, 6), add(1, 5, 1, 8, FIRST, 5)],
    "a change, a removal": [
        PEARS,
        op(Change(FIRST, 9, 3), 2, 3, Line(FIRST, 3, 9)),
        op(Remove(FIRST), 4, 5, None),
        add(1, 1, 6, 7, SECOND, 1),
    ],
    "an order takes its lines": [
        PEARS,
        add(2, 1, 2, 3, SECOND, 1),
        order(4, 5, (FIRST, 1, 2)),
        read(6, 7, (SECOND, 2, 1)),
    ],
    "an unknown add that happened": [PEARS, lost(Add(1, 4), 2), read(3, 4, (FIRST, 1, 6))],
    "an unknown add that did not": [PEARS, lost(Add(1, 4), 2), read(3, 4, (FIRST, 1, 2))],
    "an unknown add that happened late": [
        PEARS,
        lost(Add(1, 4), 2),
        read(3, 4, (FIRST, 1, 2)),
        read(5, 6, (FIRST, 1, 6)),
    ],
    "an unknown order that happened": [PEARS, lost(Order((FIRST,), "Here"), 2), read(3, 4)],
    "a line that the other device removed": [
        PEARS,
        op(Remove(FIRST), 2, 6, None),
        op(Change(FIRST, 3), 3, 5, "line_unknown"),
    ],
    "a product that another line holds": [
        PEARS,
        add(2, 1, 2, 3, SECOND, 1),
        op(Change(FIRST, 1, 2), 4, 5, "product_twice"),
    ],
    "an order without stock": [
        PEARS,
        op(Order((FIRST,), "Here"), 2, 3, "out_of_stock"),
        read(4, 5, (FIRST, 1, 2)),
    ],
    "an order of a line that is gone": [
        PEARS,
        op(Remove(FIRST), 2, 3, None),
        op(Order((FIRST,), "Here"), 4, 5, "line_unknown"),
    ],
}

BAD = {
    "a stale read": [PEARS, add(1, 3, 2, 3, FIRST, 5), read(4, 5, (FIRST, 1, 2))],
    "a read that goes back": [
        PEARS,
        add(1, 3, 2, 9, FIRST, 5),
        read(3, 4, (FIRST, 1, 5)),
        read(5, 6, (FIRST, 1, 2)),
    ],
    "a lost update": [PEARS, add(1, 3, 2, 3, FIRST, 3)],
    "two adds that answer the same": [add(1, 1, 0, 9, FIRST, 1), add(1, 1, 1, 8, FIRST, 1)],
    "a lost line": [PEARS, add(2, 1, 2, 3, FIRST, 1)],
    "an add that was applied twice": [PEARS, read(2, 3, (FIRST, 1, 4))],
    "a read from the future": [read(0, 1, (FIRST, 1, 2)), add(1, 2, 2, 3, FIRST, 2)],
    "an add that skips a number": [PEARS, add(2, 1, 2, 3, THIRD, 1)],
    "a line of another cart": [PEARS, add(2, 1, 2, 3, line_id(8, 2), 1)],
    "an unknown add that came and went": [
        PEARS,
        lost(Add(1, 4), 2),
        read(3, 4, (FIRST, 1, 6)),
        read(5, 6, (FIRST, 1, 2)),
    ],
    "an unknown add that happened twice": [PEARS, lost(Add(1, 4), 2), read(3, 4, (FIRST, 1, 10))],
    "an unknown add before its time": [PEARS, read(2, 3, (FIRST, 1, 6)), lost(Add(1, 4), 4)],
    "a removal that did not": [PEARS, op(Remove(FIRST), 2, 3, None), read(4, 5, (FIRST, 1, 2))],
    "a removal of nothing": [op(Remove(FIRST), 0, 1, None)],
    "a line that was there all the time": [PEARS, op(Change(FIRST, 3), 2, 3, "line_unknown")],
    "an order that left its line": [PEARS, order(2, 3, (FIRST, 1, 2)), read(4, 5, (FIRST, 1, 2))],
    "an order of an older quantity": [
        PEARS,
        add(1, 3, 2, 3, FIRST, 5),
        order(4, 5, (FIRST, 1, 2)),
    ],
    "a line ordered twice": [PEARS, order(2, 3, (FIRST, 1, 2)), order(4, 5, (FIRST, 1, 2))],
    "an order without stock of a line that is gone": [
        PEARS,
        op(Remove(FIRST), 2, 3, None),
        op(Order((FIRST,), "Here"), 4, 5, "out_of_stock"),
    ],
    "two changes in the wrong order": [
        PEARS,
        op(Change(FIRST, 5), 2, 3, Line(FIRST, 1, 5)),
        op(Change(FIRST, 7), 4, 5, Line(FIRST, 1, 7)),
        read(6, 7, (FIRST, 1, 5)),
    ],
}


@pytest.mark.parametrize("operations", GOOD.values(), ids=GOOD)
def test_a_good_history_passes(operations: list[Operation]) -> None:
    assert check(operations, OWNER).problem == ""
    assert explains(operations)


@pytest.mark.parametrize("operations", BAD.values(), ids=BAD)
def test_a_bad_history_fails(operations: list[Operation]) -> None:
    assert not check(operations, OWNER).ok
    assert not explains(operations)


def test_a_problem_names_the_operation_and_its_neighbours() -> None:
    beside = add(2, 1, 1.5, 9, SECOND, 1)
    problem = check([PEARS, beside, read(2, 3, (FIRST, 1, 99))], OWNER).problem
    assert "ann: no order explains read the cart [key-2, 2.000 to 3.000 s]" in problem
    assert f"line {FIRST} with 99 of product 1" in problem
    assert f"The cart could be: line {FIRST} with 2 of product 1." in problem
    assert "Before it: add 2 of product 1 [key-0, 0.000 to 1.000 s]" in problem
    assert "At the same time: add 1 of product 2 [key-1.5" in problem


def test_the_final_carts_are_told() -> None:
    pears = Line(FIRST, 1, 2)
    finals = check([PEARS, lost(Add(1, 4), 2), lost(Remove(FIRST), 3)], OWNER).finals
    assert {cart.lines for cart in finals} == {
        (pears,),
        (pears._replace(quantity=6),),
        (),
        (Line(SECOND, 1, 4),),
    }


def test_a_read_counts_from_its_last_attempt() -> None:
    stale = read(0, 5)
    assert check([PEARS, stale], OWNER).ok
    stale.attempts = [Attempt(0, 1, 503), Attempt(2, 3, 200)]
    assert not check([PEARS, stale], OWNER).ok


SEEDS = st.integers(0, 1 << 32)


@settings(deadline=None)
@given(SEEDS, st.integers(1, 60), st.floats(0, 3), st.sampled_from([0.0, 0.05]))
def test_a_simulated_history_passes(seed: int, size: int, spread: float, losses: float) -> None:
    history = Simulation(random.Random(seed)).history(size, spread, losses)
    assert check(history, OWNER).problem == ""


@settings(deadline=None)
@given(SEEDS, st.integers(2, 6), st.floats(0, 3), st.sampled_from([0.0, 0.3]))
def test_a_history_with_a_wrong_answer_is_judged_as_by_trying_every_order(
    seed: int, size: int, spread: float, losses: float
) -> None:
    choose = random.Random(seed)
    history = Simulation(choose).history(size, spread, losses)
    mutate(history, choose)
    assert check(history, OWNER).ok == explains(history)


def test_the_work_grows_with_the_length_of_a_history_only(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def counting(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        return apply(*arguments)

    apply = linearizable.apply
    monkeypatch.setattr(linearizable, "apply", counting)
    history = Simulation(random.Random(1)).history(2_000, 1.0, 0.0)
    assert check(history, OWNER).ok
    assert calls < 10 * len(history)
