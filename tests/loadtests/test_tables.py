"""Tables as Markdown and on a terminal."""

import pytest

from loadtests.tables import Sheet, output

SHEET = Sheet(("part", "", "GB"), [("hosts", "[x]", "1"), ("", "b", "2")])


def test_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    output([SHEET, SHEET], as_markdown=True)
    table = "| part | | GB |\n|---|---|---|\n| hosts | [x] | 1 |\n| | b | 2 |"
    assert capsys.readouterr().out == f"{table}\n\n{table}\n"


def test_a_terminal_gets_every_cell(capsys: pytest.CaptureFixture[str]) -> None:
    output([SHEET], as_markdown=False)
    shown = capsys.readouterr().out
    assert all(cell in shown for row in (SHEET.columns, *SHEET.rows) for cell in row)
