"""Bring a product file into the shop.

A row changes the product that has its sku, letter case aside; a row without one, the product
without one that has exactly its name. Columns that a row does not give stay as they are, and a
product that is hidden stays hidden. Products that a row would not change are not touched, so
the same file again changes nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine, select

from pearshop.catalogue.files import RawRow, open_products
from pearshop.catalogue.report import Outcome, Report
from pearshop.catalogue.rows import Refusal, Row, RowChecker
from pearshop.catalogue.storing import Stored, store
from pearshop.db.execute import execute
from pearshop.db.tables import shop
from pearshop.errors import ConfigurationError

BATCH = 500
"""Rows stored in one transaction: it holds its locks for milliseconds."""

Progress = Callable[[int, int], None]
"""Told how many bytes of the file are done, and how many there are."""


def shop_exponent(engine: Engine) -> int:
    """Return how many decimals the shop's prices have. Raises `ConfigurationError`."""
    with engine.connect() as connection:
        found = connection.execute(select(shop.c.currency_exponent)).scalar()
    if found is None:
        raise ConfigurationError("The database holds no shop yet: run `pearshop up` once.")
    return int(found)


def import_products(
    engine: Engine, path: Path, *, exponent: int, progress: Progress = lambda *_: None
) -> Report:
    """Store a product file, `exponent` decimals to a price, and tell what became of each row.

    Raises `ConfigurationError` when the file cannot be read and `Unavailable` when the database
    does not answer. Batches before that stay stored; the same import again does the rest.
    """
    checker = RowChecker(exponent)
    report = Report()
    with open_products(path) as file:
        for batch in _batches(file.rows):
            report.rows += _import_batch(engine, checker, batch)
            progress(file.done(), file.size)
    return report


def _batches(rows: Iterator[RawRow]) -> Iterator[list[RawRow]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _import_batch(engine: Engine, checker: RowChecker, batch: Sequence[RawRow]) -> list[Outcome]:
    accepted, refused = check(checker, batch)
    stored = execute(engine, store, (accepted,), {}).result()
    return outcomes(accepted, refused, stored)


def check(checker: RowChecker, batch: Sequence[RawRow]) -> tuple[list[Row], list[Outcome]]:
    """Return the rows that can be stored, and what is told of the others. Pure."""
    accepted: list[Row] = []
    refused: list[Outcome] = []
    for raw in batch:
        try:
            if isinstance(raw.values, Refusal):
                raise raw.values
            accepted.append(checker.check(raw.line, raw.values))
        except Refusal as refusal:
            refused.append(_refused(raw, refusal))
    return accepted, refused


def outcomes(
    accepted: Sequence[Row], refused: Sequence[Outcome], stored: Mapping[int, Stored]
) -> list[Outcome]:
    """Return what became of each row, in the file's order. Pure."""
    told = [Outcome(row.line, row.draft.sku or "", stored[row.line].outcome) for row in accepted]
    return sorted([*refused, *told], key=lambda outcome: outcome.line)


def _refused(raw: RawRow, refusal: Refusal) -> Outcome:
    values = {} if isinstance(raw.values, Refusal) else raw.values
    return Outcome(raw.line, values.get("sku", "").strip(), "refused", refusal.code, refusal.detail)
