"""The trace of real orders: reading it, and what of it can be replayed. Pure but for the file."""

import csv
import gzip
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from pearshop.domain.cart import MAX_LINES, MAX_QUANTITY


class TraceLine(NamedTuple):
    """One line of the trace, as the file has it."""

    customer: str
    timestamp: str
    invoice: str
    product: str
    quantity: str
    unit_price: str
    description: str
    country: str


@dataclass(frozen=True, slots=True)
class Add:
    """Put so many of a product into the cart."""

    product_id: int
    quantity: int


@dataclass(slots=True)
class Invoice:
    """What one customer put into the cart, one add after the other, and then ordered."""

    number: str
    customer: str
    country: str
    at: datetime
    adds: list[Add] = field(default_factory=list)
    wanted: Counter[int] = field(default_factory=Counter)
    seen: set[TraceLine] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Plan:
    """The invoices to replay, and how many lines were left out for which reason."""

    invoices: list[Invoice]
    skipped: Counter[str]

    def by_customer(self) -> list[list[Invoice]]:
        """Return each customer's invoices in their order, the busiest customer first."""
        customers: dict[str, list[Invoice]] = {}
        for invoice in self.invoices:
            customers.setdefault(invoice.customer, []).append(invoice)
        return sorted(customers.values(), key=_lines, reverse=True)

    def demand(self) -> Counter[int]:
        """Return how many pieces of each product the plan asks for."""
        total: Counter[int] = Counter()
        for invoice in self.invoices:
            total.update(invoice.wanted)
        return total


def read_lines(path: Path) -> Iterator[TraceLine]:
    """Yield the lines of a gzipped trace."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        yield from map(TraceLine._make, rows)


def make_plan(lines: Iterable[TraceLine], catalogue: Mapping[str, int], wanted: int) -> Plan:
    """Return the first `wanted` invoices that have a line which a shop can sell.

    `catalogue` maps upper-case skus to product ids. Exact duplicates are defects of the source
    and left out; the same product in two lines that differ is two adds, which the cart merges.
    """
    invoices: dict[str, Invoice] = {}
    skipped: Counter[str] = Counter()
    for line in lines:
        product_id = catalogue.get(line.product.upper())
        reason = _unfit(line, product_id)
        if reason or product_id is None:
            skipped[reason] += 1
            continue
        if line.invoice not in invoices and len(invoices) == wanted:
            break
        invoice = invoices.setdefault(
            line.invoice,
            Invoice(
                line.invoice, line.customer, line.country, datetime.fromisoformat(line.timestamp)
            ),
        )
        reason = _over(invoice, line, product_id)
        if reason:
            skipped[reason] += 1
            continue
        invoice.seen.add(line)
        invoice.wanted[product_id] += int(line.quantity)
        invoice.adds.append(Add(product_id, int(line.quantity)))
    return Plan(list(invoices.values()), skipped)


def _unfit(line: TraceLine, product_id: int | None) -> str:
    """Return why a shop cannot sell this line; empty when it can."""
    checks = (
        ("cancellation", line.invoice.startswith("C")),
        ("no customer", not line.customer),
        ("quantity not positive", int(line.quantity) <= 0),
        ("price not positive", Decimal(line.unit_price) <= 0),
        ("not in the catalogue", product_id is None),
        (f"quantity above {MAX_QUANTITY:,}", int(line.quantity) > MAX_QUANTITY),
    )
    return next((reason for reason, unfit in checks if unfit), "")


def _over(invoice: Invoice, line: TraceLine, product_id: int) -> str:
    """Return why this line does not fit the invoice so far; empty when it does."""
    if line in invoice.seen:
        return "exact duplicate"
    if invoice.wanted[product_id] + int(line.quantity) > MAX_QUANTITY:
        return f"quantity above {MAX_QUANTITY:,}"
    if product_id not in invoice.wanted and len(invoice.wanted) >= MAX_LINES:
        return f"more than {MAX_LINES:,} lines"
    return ""


def _lines(invoices: list[Invoice]) -> int:
    return sum(len(invoice.adds) for invoice in invoices)
