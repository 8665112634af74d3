"""The record: outcomes, figures, and what counts as an improper answer."""

import math

import pytest

from loadtests.reconcile import Baseline
from tests.faults.history import (
    Add,
    Attempt,
    Counts,
    History,
    Line,
    Operation,
    Outcome,
    Read,
    Request,
    SignIn,
)

BEFORE = Baseline(0, 0, 0, {}, {})
CREATED = Attempt(0, 0.1, 201)
BUSY = Attempt(0, 0.1, 503, "unavailable", retry_after=1, safe_to_repeat=True)
BROKEN = Attempt(0, 0.1, error="ServerDisconnectedError")
UNREACHED = Attempt(0, 0.1, error="ClientConnectorError", reached=False)


def operation(request: Request, *attempts: Attempt, began: float = 0) -> Operation:
    return Operation("ann", 1, "ann-1", request, began, attempts=list(attempts))


@pytest.mark.parametrize(
    ("attempt", "problem"),
    [
        (CREATED, ""),
        (BUSY, ""),
        (BROKEN, ""),
        (UNREACHED, ""),
        (Attempt(0, 0.1, 401, "token_invalid"), ""),
        (Attempt(0, 0.1, 404, "line_unknown"), ""),
        (Attempt(0, 0.1, 409, "out_of_stock"), ""),
        (Attempt(0, 0.1, 503), "503 without Retry-After or safe_to_repeat"),
        (Attempt(0, 0.1, 503, retry_after=1), "503 without Retry-After or safe_to_repeat"),
        (Attempt(0, 0.1, 503, safe_to_repeat=True), "503 without Retry-After or safe_to_repeat"),
        (Attempt(0, 0.1, 500, "defect"), "500 defect"),
        (Attempt(0, 0.1, 502), "502"),
        (Attempt(0, 0.1, 504), "504"),
        (Attempt(0, 0.1, 422, "key_reused"), "422 key_reused"),
        (Attempt(0, 0.1, 302), "302"),
        (Attempt(0, 0.1, 201, error="unreadable"), "201, unreadable"),
        (Attempt(0, 8.1, 201), "took 8.1 s"),
        (Attempt(0, 10.0, error="TimeoutError"), "took 10.0 s"),
    ],
)
def test_what_is_improper(attempt: Attempt, problem: str) -> None:
    assert attempt.improper() == problem


def test_only_a_good_or_a_bad_answer_ends_an_operation() -> None:
    answers = [Attempt(0, 0, status) for status in (200, 204, 404, 503, 500, None)]
    assert [attempt.answered for attempt in answers] == [True, True, True, False, False, False]
    assert not Attempt(0, 0, 201, error="unreadable").answered


@pytest.mark.parametrize(
    ("request_", "attempts", "outcome"),
    [
        (Add(1, 1), (BUSY,), Outcome.UNKNOWN),
        (Add(1, 1), (UNREACHED, BROKEN), Outcome.UNKNOWN),
        (Add(1, 1), (UNREACHED, UNREACHED), Outcome.FAILED),
        (Read(), (BROKEN,), Outcome.FAILED),
        (SignIn("/api/login/"), (BROKEN,), Outcome.FAILED),
    ],
)
def test_what_is_given_up_is_unknown_unless_it_did_nothing(
    request_: Request, attempts: tuple[Attempt, ...], outcome: Outcome
) -> None:
    given_up = operation(request_, *attempts)
    given_up.give_up(30)
    assert given_up.outcome is outcome
    assert (given_up.ended is None) == (outcome is Outcome.UNKNOWN)


def test_when_it_may_have_taken_effect() -> None:
    attempts = Attempt(1, 1, 503), Attempt(3, 1, 200)
    added, read, refused = (operation(each, *attempts, began=1) for each in (Add(1, 1),) * 3)
    read.request = Read()
    assert added.interval == (1, math.inf)
    added.acknowledge(Line(1, 1, 1), 4)
    read.acknowledge((), 4)
    refused.refuse("line_unknown", 4)
    assert [each.interval for each in (added, read, refused)] == [(1, 4), (3, 4), (3, 4)]


def history() -> History:
    quick = operation(Add(1, 1), CREATED)
    quick.acknowledge(Line(1, 1, 1), 0.1)
    slow = operation(Add(1, 2), Attempt(1, 0.5, 502), BUSY, BROKEN, Attempt(4, 0.5, 201), began=1)
    slow.acknowledge(Line(1, 1, 3), 4.5)
    renewed = operation(Read(), Attempt(5, 0.1, 401, "token_invalid"), Attempt(5.2, 0.1, 200))
    renewed.acknowledge((), 5.3)
    refused = operation(Add(1, 1), Attempt(6, 0.1, 404, "line_unknown"))
    refused.refuse("line_unknown", 9.1)
    lost = operation(Add(1, 1), Attempt(0, 2.5, error="ServerDisconnectedError"))
    entered = operation(SignIn("/api/login/"), Attempt(0, 9, 503), Attempt(9, 1, 401, "wrong"))
    entered.refuse("wrong", 20)
    return History(BEFORE, [quick, slow, renewed, refused, lost, entered])


def test_the_figures() -> None:
    counts = history().counts()
    assert counts == Counts(
        requests=9, acknowledged=3, failed_cleanly=3, retried=3, recovery_s=6.1, gap_s=4.4
    )
    assert History(BEFORE).counts() == Counts(0, 0, 0, 0, 0.0, 0.0)


def test_improper_answers_are_listed() -> None:
    assert history().improper() == [
        "add 2 of product 1 [ann-1]: attempt 1 502",
        "/api/login/ [ann-1]: attempt 1 took 9.0 s",
        "/api/login/ [ann-1]: attempt 2 401 wrong",
    ]


def test_the_shoppers_are_those_who_did_anything() -> None:
    assert history().shoppers() == ["ann"]
