"""Measure scenarios: `uv run python -m loadtests.scenarios [NAME ...]`.

Prints Markdown tables and merges what was found into `scenarios.json`. A quick run proves nothing:
it writes the file only where `--out` says so. Exit status 1 when an answer was wrong or something
was lost, not when a target is missed; 2 when a scenario could not be measured.
"""

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from loadtests.scenarios.result import FILE, Options, Result, figures_sheets, merge, sheet, some
from loadtests.tables import output
from pearshop.errors import PearShopError

NAMES = ("start", "idle", "flash_sale", "journey", "public_mix", "hot_carts", "growth")
DOCS = Path(__file__).parents[2] / "docs" / "benchmarks"


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.scenarios", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="short and small")
    parser.add_argument("--out", type=Path, help=f"folder of {FILE}; default docs/benchmarks")
    wish = parser.parse_args()
    if unknown := set(wish.names) - set(NAMES):
        parser.error(f"there is no scenario {', '.join(sorted(unknown))}")
    options = Options(wish.quick)
    folder = wish.out or (None if wish.quick else DOCS)
    results: dict[str, Result] = {}
    failed = False
    for name in wish.names or NAMES:
        try:
            results[name] = _measure(name, options)
        except (PearShopError, SQLAlchemyError, OSError, subprocess.SubprocessError) as error:
            print(f"{name} could not be measured: {error}", file=sys.stderr)
            failed = True
            continue
        if folder:
            merge(folder / FILE, {name: results[name]}, quick=options.quick)
    if results:
        output([sheet(results)], as_markdown=True)
    wrong = any(result.problems for result in results.values())
    return 1 if wrong else 2 if failed else 0


def _measure(name: str, options: Options) -> Result:
    print(f"{name} ...", file=sys.stderr)
    scenario = importlib.import_module(f"loadtests.scenarios.{name}")
    result: Result = scenario.measure(options)
    output(figures_sheets(result), as_markdown=True)
    print(flush=True)
    for problem in some(result.problems):
        print(f"{name}: {problem}", file=sys.stderr)
    return result


if __name__ == "__main__":
    sys.exit(main())
