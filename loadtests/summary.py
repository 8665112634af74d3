"""What a load under locust came to: goodput, how long it took, what was refused."""

from locust.stats import RequestStats, StatsEntry

from loadtests.tables import Sheet

REFUSED = "refused"
"""Ends the name of a row of answers by which the shop said that it is too busy."""


def report(stats: RequestStats) -> str:
    """Return a table of all kinds of requests as Markdown."""
    entries = sorted(stats.entries.values(), key=lambda each: each.name)
    good = sum(each.num_requests - each.num_failures for each in entries if not _is_refusal(each))
    seconds = max(stats.last_request_timestamp or 0, stats.start_time + 1e-9) - stats.start_time
    rows = [_row(each) for each in entries]
    refused = sum(each.num_requests for each in entries if _is_refusal(each))
    told = f"{good:,} good answers in {seconds:.0f} s: {good / seconds:,.0f}/s; {refused:,} refused"
    columns = ("request", "answers", "wrong", "p50 ms", "p95 ms", "p99 ms")
    return f"\n{told}, {stats.total.num_failures:,} wrong.\n\n{Sheet(columns, rows).markdown()}"


def _row(entry: StatsEntry) -> tuple[str, ...]:
    times = (entry.get_response_time_percentile(each) or 0 for each in (0.5, 0.95, 0.99))
    counts = (f"{entry.num_requests:,}", f"{entry.num_failures:,}")
    return (entry.name, *counts, *(f"{each:,.0f}" for each in times))


def _is_refusal(entry: StatsEntry) -> bool:
    return entry.name.endswith(REFUSED)
