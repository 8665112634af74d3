"""What wrk printed, and what is said of it."""

import pytest

from loadtests.offered import Answer, Offered, goodput, parse_offered, sheet
from loadtests.wrk import Sample, parse_sample

PRINTED = """Running 10s test @ http://127.0.0.1:8000
  2 threads and 2 connections
ANSWERS 201:12.50:0 503:0.40:1
ANSWERS
ANSWERS 429:0.20:0 201:30.00:0
OFFERED 6 2000000 0
"""
PEAK = Sample(rate=10, requests=100, errors=50, p50=1, p99=2)


def test_a_run_of_adds() -> None:
    sample = parse_sample("Requests/sec: 1\nRESULT 900 3000000 9 12.3 45.6\n")
    assert sample == Sample(300, 900, 9, 12.3, 45.6)
    assert goodput(sample) == pytest.approx(297)


def test_an_offered_load() -> None:
    offered = parse_offered(PRINTED)
    assert (offered.sent, offered.seconds, offered.hung_up) == (6, 2.0, 0)
    assert offered.good() == [12.5, 30.0]
    assert offered.refused() == [0.4, 0.2]
    assert offered.ok


@pytest.mark.parametrize(
    ("answer", "hung_up", "others", "unadvised"),
    [
        (Answer(500, 1, True), 0, 1, 0),
        (Answer(401, 1, False), 0, 1, 0),
        (Answer(503, 1, False), 0, 0, 1),
        (Answer(201, 1, False), 2, 2, 0),
    ],
)
def test_what_an_overloaded_shop_may_not_answer(
    answer: Answer, hung_up: int, others: int, unadvised: int
) -> None:
    offered = Offered(1, 1.0, hung_up, [answer])
    assert (offered.others(), offered.unadvised(), offered.ok) == (others, unadvised, False)


def test_the_table() -> None:
    shown = sheet(PEAK, [("3 x the peak", parse_offered(PRINTED)), ("none", Offered(0, 1, 0, []))])
    assert shown.columns == ("", "the peak", "3 x the peak", "none")
    assert shown.rows == [
        ("offered/s", "10", "3", "0"),
        ("goodput/s", "5", "1", "0"),
        ("share of the peak", "100%", "20%", "0%"),
        ("refused/s", "-", "1", "0"),
        ("refused: p50, p99", "-", "0, 0 ms", "-"),
        ("good: p50, p99", "1, 2 ms", "30, 30 ms", "-"),
        ("other answers", "-", "0", "0"),
        ("503 without Retry-After", "-", "0", "0"),
        ("cores of wrk", "0.0", "0.0", "0.0"),
    ]
