"""What wrk printed, and what is said of it."""

from collections import Counter

import pytest

from loadtests.offered import Offered, goodput, parse_offered, sheet
from loadtests.wrk import Sample, parse_sample

PRINTED = """Running 10s test @ http://127.0.0.1:8000
  2 threads and 2 connections

TIMES 201:12.50 503:0.40
TIMES
TIMES 429:0.20 201:30.00
STATUS 201 2
STATUS 429 1
STATUS 503 1
OFFERED 6 2000000 0 0
"""
CROWD = "TIMES\nSTATUS 201 8\nSTATUS 503 2\nOFFERED 10 1990000 0 0\n"
PEAK = Sample(rate=10, requests=100, errors=50, p50=1, p99=2)


def test_a_run_of_adds() -> None:
    sample = parse_sample("Requests/sec: 1\nRESULT 900 3000000 9 12.3 45.6\n")
    assert sample == Sample(300, 900, 9, 12.3, 45.6)
    assert goodput(sample) == pytest.approx(297)


def test_an_offered_load() -> None:
    offered = parse_offered(PRINTED)
    assert (offered.sent, offered.seconds, offered.hung_up, offered.unadvised) == (6, 2.0, 0, 0)
    assert (offered.good(), offered.refused(), offered.others()) == (2, 2, 0)
    assert offered.times == [(201, 12.5), (503, 0.4), (429, 0.2), (201, 30.0)]
    assert offered.ok


def test_crowd_and_probes_are_one_load() -> None:
    offered = parse_offered(CROWD) + parse_offered(PRINTED)
    assert (offered.sent, offered.seconds) == (16, 2.0)
    assert (offered.good(), offered.refused(), len(offered.times)) == (10, 4, 4)


@pytest.mark.parametrize(
    ("status", "hung_up", "unadvised", "others"),
    [(500, 0, 0, 1), (401, 0, 0, 1), (201, 2, 0, 2), (503, 0, 1, 0)],
)
def test_what_an_overloaded_shop_may_not_answer(
    status: int, hung_up: int, unadvised: int, others: int
) -> None:
    offered = Offered(1, 1.0, hung_up, unadvised, Counter([status]), [])
    assert (offered.others(), offered.ok) == (others, False)


def test_the_table() -> None:
    nothing = Offered(0, 1, 0, 0, Counter(), [])
    shown = sheet(PEAK, [("3 x the peak", parse_offered(PRINTED)), ("none", nothing)])
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
        ("cores of wrk", "0.00", "0.00", "0.00"),
    ]
