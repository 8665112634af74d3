"""The result of a replay as tables."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.client import Stats
from loadtests.reconcile import Finding
from loadtests.tables import Sheet
from loadtests.trace import Plan

Rows = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Driven:
    """What the shoppers did. `requests` and `seconds` are those after all had registered."""

    stats: Stats
    shoppers: int
    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Result:
    """All that a replay found out."""

    plan: Plan
    at_once: int
    driven: Driven
    findings: Sequence[Finding]

    @property
    def ok(self) -> bool:
        """Whether every check holds."""
        return all(finding.ok for finding in self.findings)

    def load(self) -> Rows:
        """Return what was done, and how fast."""
        driven = self.driven
        stats = driven.stats
        rows = [
            ("invoices", f"{len(self.plan.invoices):,}"),
            ("shoppers, at once", f"{driven.shoppers:,}, {self.at_once}"),
            *((name, f"{stats.counts[name]:,}") for name in SHOWN_COUNTS),
            ("HTTP requests", f"{driven.requests:,} in {driven.seconds:.1f} s"),
            ("requests/s", f"{driven.requests / driven.seconds:,.0f}"),
        ]
        for kind in ("add", "order"):
            times = percentiles(stats.seconds.get(kind, []))
            shown = ", ".join(f"{value * 1000:.0f}" for value in times)
            rows.append((f"{kind}: p50, p95, p99", f"{shown} ms"))
        return rows

    def skipped(self) -> Rows:
        """Return how many lines of the trace were left out for which reason."""
        return [(reason, f"{count:,}") for reason, count in self.plan.skipped.most_common()]

    def audit(self) -> Rows:
        """Return the checks."""
        return [(f"{f.check} ({f.looked_at:,})", f.summary()) for f in self.findings]


SHOWN_COUNTS = (
    "adds",
    "adds that raised a line",
    "orders",
    "orders refused for stock",
    "lines out of stock",
    "orders without what was out of stock",
    "invoices with nothing left to order",
    "drops",
    "retries",
)


def percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return p50, p95 and p99 by nearest rank; zeros when there are no values."""
    if not values:
        return (0.0, 0.0, 0.0)
    ordered = sorted(values)
    p50, p95, p99 = (ordered[min(len(ordered) - 1, len(ordered) * p // 100)] for p in (50, 95, 99))
    return (p50, p95, p99)


def sheets(result: Result) -> list[Sheet]:
    """Return the tables."""
    titled = {
        "replayed": result.load(),
        "lines of the trace left out": result.skipped(),
        "reconciled": result.audit(),
    }
    return [Sheet((title, ""), rows) for title, rows in titled.items()]
