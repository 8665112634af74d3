"""One table of all faults, for a terminal or for Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from loadtests.reconcile import Finding
from tests.faults.history import Counts

COLUMNS = (
    "fault",
    "requests sent",
    "acknowledged",
    "failed cleanly",
    "retried",
    "slowest recovery",
    "longest silence",
    "audit",
)


@dataclass(frozen=True, slots=True)
class Row:
    """What a fault did to the load, and what the audit made of it."""

    fault: str
    counts: Counts
    improper: Sequence[str]
    findings: Sequence[Finding]

    @property
    def ok(self) -> bool:
        """Whether every check holds and every answer was proper."""
        return not self.failed()

    def failed(self) -> list[str]:
        """Return the checks that fail, and the improper answers as one of them."""
        failed = [each.check for each in self.findings if not each.ok]
        if self.improper:
            failed.append(f"{len(self.improper):,} improper answers, {self.improper[0]} first")
        return failed

    def cells(self) -> tuple[str, ...]:
        """Return the row as text."""
        counts = self.counts
        numbers = (counts.requests, counts.acknowledged, counts.failed_cleanly, counts.retried)
        return (
            self.fault,
            *(f"{number:,}" for number in numbers),
            f"{counts.recovery_s:.2f} s",
            f"{counts.gap_s:.2f} s",
            "ok" if self.ok else f"FAILED: {'; '.join(self.failed())}",
        )


def show(rows: Sequence[Row], console: Console) -> None:
    """Print the table to a terminal."""
    table = Table(*COLUMNS)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row.cells()))
    console.print(table)


def markdown(rows: Sequence[Row]) -> str:
    """Return the table as Markdown."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
