"""What does a load need? `uv run python -m loadtests.capacity`.

Measures shoppers' journeys at 10,000 and at 60,000 requests a minute on a shop of its own, writes
`capacity.json`, and computes from it and from the benchmark's `bench.json` what 10,000, 100,000 and
1,000,000 requests a minute need, and what they lack first. `--report` computes anew.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.exc import SQLAlchemyError

from loadtests import wrk
from loadtests.bench import output as bench
from loadtests.capacity.model import Measured, bottlenecks, checked, kinds, needed, needs
from loadtests.scenarios.journey import MIX
from loadtests.tables import Sheet, output
from pearshop.errors import PearShopError

FOLDER = Path("docs/benchmarks")
FILE = "capacity.json"


def sheets(folder: Path) -> list[Sheet]:
    """Return the tables of what was measured before."""
    costs = bench.read(folder)
    measured = Measured.of_json(json.loads((folder / FILE).read_text()))
    found = needs(measured, costs, MIX)
    return [kinds(costs), checked(measured, costs, MIX), needed(found), bottlenecks(found)]


def capacity(
    *,
    seconds: Annotated[int, typer.Option(min=1, help="Of each journey.")] = 60,
    report: Annotated[bool, typer.Option("--report", help="Measure nothing.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print for the docs.")] = False,
) -> None:
    """Measure, and compute what a load needs."""
    try:
        if not report:
            wrk.require()
            from loadtests.capacity.measure import measure

            found = json.dumps(measure(seconds).as_json(), indent=1)
            (FOLDER / FILE).write_text(found + "\n")
        output(sheets(FOLDER), as_markdown=as_markdown)
    except (PearShopError, SQLAlchemyError, OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None


if __name__ == "__main__":
    typer.run(capacity)
