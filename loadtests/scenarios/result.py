"""What a scenario found, as a table and as an entry of `scenarios.json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtests.tables import Sheet

FILE = "scenarios.json"
COLUMNS = ("scenario", "target", "reached", "met")
Figure = int | float | str


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure. `quick`: short and small, to see that it works."""

    quick: bool = False

    def pick(self, full: int, quick: int) -> int:
        """Return the size or the number of seconds that is wanted."""
        return quick if self.quick else full


@dataclass(frozen=True, slots=True)
class Row:
    """One target, and whether it holds. `figures` says in detail what was measured."""

    name: str
    target: str
    reached: str
    met: bool
    figures: Mapping[str, Figure]

    def entry(self) -> dict[str, Any]:
        """Return it as it stands in the file."""
        return {
            "name": self.name,
            "target": self.target,
            "reached": self.reached,
            "met": self.met,
            "figures": dict(self.figures),
        }


@dataclass(frozen=True, slots=True)
class Result:
    """All of a scenario. `problems`: wrong answers and losses, a sentence each; none is right."""

    rows: Sequence[Row]
    problems: Sequence[str] = ()

    def entry(self, *, quick: bool = False) -> Any:
        """Return the row, or the list of them, as it stands in the file."""
        mark = {"quick": True} if quick else {}
        entries = [row.entry() | mark for row in self.rows]
        return entries[0] if len(entries) == 1 else entries


def merge(file: Path, results: Mapping[str, Result], *, quick: bool = False) -> None:
    """Put results into the file; the entries of other scenarios stay as they are.

    Those of a quick run say so.
    """
    known = json.loads(file.read_text()) if file.exists() else {}
    known |= {name: result.entry(quick=quick) for name, result in results.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(known, indent=2, ensure_ascii=False) + "\n")
    fresh.replace(file)


def sheet(results: Mapping[str, Result]) -> Sheet:
    """Return the table of all targets."""
    rows = [
        (row.name, row.target, row.reached, "yes" if row.met else "no")
        for result in results.values()
        for row in result.rows
    ]
    return Sheet(COLUMNS, rows)


def figures_sheets(result: Result) -> list[Sheet]:
    """Return a table of what was measured for each row."""
    return [
        Sheet((row.name, ""), [(name, _shown(value)) for name, value in row.figures.items()])
        for row in result.rows
    ]


def _shown(value: Figure) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else value


def some(problems: Sequence[str], most: int = 20) -> list[str]:
    """Return the first of them, and how many more there are."""
    rest = len(problems) - most
    return [*problems[:most], *([f"and {rest:,} more like these"] if rest > 0 else [])]
