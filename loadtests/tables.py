"""Tables, for a terminal or for Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with a heading for each column."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    def show(self, console: Console) -> None:
        """Print it to a terminal."""
        table = Table(*map(escape, self.columns))
        for row in self.rows:
            table.add_row(*map(escape, row))
        console.print(table)

    def markdown(self) -> str:
        """Return it as Markdown."""
        heading, *rows = map(_line, [self.columns, *self.rows])
        return "\n".join([heading, "|" + "---|" * len(self.columns), *rows])


def output(sheets: Sequence[Sheet], *, as_markdown: bool) -> None:
    """Print tables to standard output."""
    if as_markdown:
        print("\n\n".join(sheet.markdown() for sheet in sheets))
        return
    for sheet in sheets:
        sheet.show(Console())


def _line(cells: Sequence[str]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)
