"""What `pearshop import-products` and `pearshop export-products` do with a shop's database."""

import sys
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlalchemy import Engine

from pearshop.catalogue.exporting import Format, export_products
from pearshop.catalogue.importing import import_products, shop_exponent
from pearshop.catalogue.report import Report
from pearshop.errors import ConfigurationError

SHOWN_REFUSALS = 20


def run_import(
    engine: Engine, file: Path, report_file: Path | None, price_exponent: int | None
) -> Report:
    """Import a file with a progress bar on stderr, write its report and print a summary.

    Raises `ConfigurationError` and `Unavailable` as `import_products` and `Report.write` do.
    """
    exponent = shop_exponent(engine) if price_exponent is None else price_exponent
    with _bar() as progress:
        task = progress.add_task(f"import {escape(file.name)}", total=None)
        report = import_products(
            engine,
            file,
            exponent=exponent,
            progress=lambda done, size: progress.update(task, completed=done, total=size),
        )
    if report_file is not None:
        report.write(report_file)
    _print(report, report_file)
    return report


def run_export(engine: Engine, file: Path | None, fmt: Format | None) -> int:
    """Export to a file, or to stdout without one; return how many products that were.

    Without a format the file's name decides: JSON lines for `.jsonl`, otherwise CSV. Raises
    `ConfigurationError` when the file cannot be written.
    """
    exponent = shop_exponent(engine)
    if file is None:
        return export_products(engine, sys.stdout, fmt or "csv", exponent=exponent)
    by_name: Format = "jsonl" if file.suffix.lower() == ".jsonl" else "csv"
    try:
        with file.open("w", encoding="utf-8", newline="") as out:
            count = export_products(engine, out, fmt or by_name, exponent=exponent)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}.") from None
    Console(stderr=True).print(
        f"{count:,} products written to {file}.", markup=False, soft_wrap=True
    )
    return count


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _print(report: Report, report_file: Path | None) -> None:
    console = Console()
    table = Table("rows", "", show_header=False)
    for outcome, count in report.counts().items():
        table.add_row(outcome, f"{count:,}")
    for code, count in report.refusals().items():
        table.add_row(f"  refused: {code}", f"{count:,}")
    console.print(table)
    refused = [row for row in report.rows if row.outcome == "refused"]
    for row in refused[:SHOWN_REFUSALS]:
        console.print(
            f"line {row.line}, sku {row.sku or '-'}: {row.reason}", markup=False, soft_wrap=True
        )
    if len(refused) > SHOWN_REFUSALS and report_file is None:
        more = len(refused) - SHOWN_REFUSALS
        console.print(
            f"… and {more:,} more: --report FILE writes them all.", markup=False, soft_wrap=True
        )
    if report.advice():
        console.print(report.advice(), style="yellow", markup=False, soft_wrap=True)
