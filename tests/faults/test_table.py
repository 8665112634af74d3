"""The table of faults."""

import io

from rich.console import Console

from loadtests.reconcile import Finding
from tests.faults.history import Counts
from tests.faults.table import Row, markdown, show

COUNTS = Counts(1_234, 1_100, 30, 29, 2.345, 1.2)
KEPT, LOST = Finding("every cart is kept", 3, ()), Finding("no order is lost", 3, ("order 1",))
ROWS = [
    Row("a host is killed", COUNTS, (), (KEPT,)),
    Row("a disk is full", COUNTS, ("add [k]: attempt 1 502", "more"), (KEPT, LOST)),
]


def test_markdown() -> None:
    header, rule, good, bad = markdown(ROWS).splitlines()
    assert header.startswith("| fault | requests sent | acknowledged | failed cleanly | retried |")
    assert set(rule) == set("|- ")
    assert good == ("| a host is killed | 1,234 | 1,100 | 30 | 29 | 2.35 s | 1.20 s | ok |")
    assert bad.endswith(
        "| FAILED: no order is lost; 2 improper answers, add [k]: attempt 1 502 first |"
    )


def test_a_row_is_ok_when_all_checks_hold_and_all_answers_were_proper() -> None:
    assert [row.ok for row in ROWS] == [True, False]
    assert not Row("", COUNTS, ("502",), (KEPT,)).ok


def test_the_terminal_shows_the_same() -> None:
    shown = io.StringIO()
    show(ROWS, Console(file=shown, width=250))
    for cell in (cell for row in ROWS for cell in row.cells()):
        assert cell in shown.getvalue()
