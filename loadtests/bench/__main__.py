"""The shop beside the floor, Django and FastAPI: `uv run python -m loadtests.bench`.

Starts a shop as `pearshop up` does, a constant answer beside it in the same Serve instance, and
the two reference shops on the same PostgreSQL server; loads them in turn with wrk; writes
`bench.json`, `tables.md` and plots. Exits with 1 when an answer was wrong or an error, when
something acknowledged is not in the database, or when a request costs more statements, commits or
calls than is stated. `--report` draws anew what was measured before.
"""

import argparse
import subprocess
import sys
from pathlib import Path

import aiohttp
import psycopg
from sqlalchemy.exc import SQLAlchemyError

from loadtests import wrk
from loadtests.bench.output import read, read_scenarios, write
from loadtests.bench.report import markdown
from loadtests.bench.result import Result
from loadtests.bench.routes import ROUTES
from loadtests.bench.run import Plan, run
from pearshop.errors import PearShopError

OUT = Path("docs/benchmarks")
FAULTS = (
    PearShopError,
    SQLAlchemyError,
    psycopg.Error,
    aiohttp.ClientError,
    OSError,
    subprocess.CalledProcessError,
)
"""What is told in a line: something did not start or does not answer."""


def main() -> int:
    """Measure, or read what was measured, and show it."""
    options = _options()
    out = options.out or OUT
    try:
        result = read(out) if options.report else _run(options)
        if options.out or not options.short:
            write(result, out)
        print(markdown(result, read_scenarios(out)))
    except FAULTS as error:
        print(error, file=sys.stderr)
        return 2
    for each in result.problems:
        print(each, file=sys.stderr)
    return int(bool(result.problems))


def _run(options: argparse.Namespace) -> Result:
    wrk.require()
    if options.short:
        return run(Plan(1, 1, 1, (1, 32), options.routes, with_peers=False))
    plan = Plan(
        options.rounds, options.seconds, 10, options.connections, options.routes, with_peers=True
    )
    return run(plan)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5, help="of each sample")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 32, 128])
    parser.add_argument("--routes", nargs="+", choices=tuple(ROUTES), default=list(ROUTES))
    parser.add_argument("--out", type=Path, help=f"folder to write into, {OUT} unless told")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument(
        "--short",
        action="store_true",
        help="a second for each cell, no peers; writes nothing unless --out is given",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
