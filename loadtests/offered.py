"""Answers to an offered load: what was served, what was refused, and how soon."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loadtests.result import percentiles
from loadtests.tables import Sheet
from loadtests.wrk import Sample

REFUSALS = frozenset({429, 503})
NOTHING = "-"


@dataclass(frozen=True)
class Offered:
    """What came of a load.

    Requests still under way at the end have no answer and count as offered only. `times` has
    statuses and milliseconds of a sample. `hung_up` counts connections that failed or ended
    without an answer, `unadvised` each 503 that does not say when to come again.
    """

    sent: int
    seconds: float
    hung_up: int
    unadvised: int
    statuses: Counter[int]
    times: Sequence[tuple[int, float]]
    cores: float = 0.0

    def __add__(self, other: "Offered") -> "Offered":
        return Offered(
            self.sent + other.sent,
            max(self.seconds, other.seconds),
            self.hung_up + other.hung_up,
            self.unadvised + other.unadvised,
            self.statuses + other.statuses,
            [*self.times, *other.times],
            self.cores + other.cores,
        )

    def good(self) -> int:
        """Return how many adds were done."""
        return sum(count for status, count in self.statuses.items() if is_good(status))

    def refused(self) -> int:
        """Return how many were refused as an overloaded shop may."""
        return sum(self.statuses[status] for status in REFUSALS)

    def others(self) -> int:
        """Return how many ended otherwise."""
        return self.statuses.total() - self.good() - self.refused() + self.hung_up

    @property
    def ok(self) -> bool:
        """Whether every answer is one that an overloaded shop may give."""
        return not self.others() and not self.unadvised


def is_good(status: int) -> bool:
    """Return whether a status says that it was done."""
    return status // 100 == 2


def parse_offered(printed: str) -> Offered:
    """Return what `open_loop.lua` printed. Pure."""
    lines = [line.split() for line in printed.splitlines() if line]
    counts = next(words[1:] for words in lines if words[0] == "OFFERED")
    sent, microseconds, hung_up, unadvised = map(int, counts)
    statuses = Counter({int(words[1]): int(words[2]) for words in lines if words[0] == "STATUS"})
    timed = [word.split(":") for words in lines if words[0] == "TIMES" for word in words[1:]]
    times = [(int(status), float(took)) for status, took in timed]
    return Offered(sent, microseconds / 1e6, hung_up, unadvised, statuses, times)


def sheet(peak: Sample, loads: Sequence[tuple[str, Offered]]) -> Sheet:
    """Return the table: the peak and each load in a column."""
    best = goodput(peak)
    names = (
        *("", "offered/s", "goodput/s", "share of the peak", "refused/s"),
        *("refused: p50, p99", "good: p50, p99", "other answers", "503 without Retry-After"),
        "cores of wrk",
    )
    at_peak = (
        *("the peak", f"{peak.rate:,.0f}", f"{best:,.0f}", "100%", NOTHING, NOTHING),
        *(f"{peak.p50:,.0f}, {peak.p99:,.0f} ms", NOTHING, NOTHING),
        f"{peak.cores:.2f}",
    )
    columns = [(name, *_column(offered, best)) for name, offered in loads]
    heading, *rows = zip(names, at_peak, *columns, strict=True)
    return Sheet(heading, rows)


def goodput(sample: Sample) -> float:
    """Return the adds done in a second."""
    return sample.rate * (1 - sample.errors / sample.requests)


def _column(offered: Offered, peak: float) -> Iterator[str]:
    good = offered.good() / offered.seconds
    yield f"{offered.sent / offered.seconds:,.0f}"
    yield f"{good:,.0f}"
    yield f"{good / peak:.0%}"
    yield f"{offered.refused() / offered.seconds:,.0f}"
    yield _percentiles([took for status, took in offered.times if status in REFUSALS])
    yield _percentiles([took for status, took in offered.times if is_good(status)])
    yield f"{offered.others():,}"
    yield f"{offered.unadvised:,}"
    yield f"{offered.cores:.2f}"


def _percentiles(times: Sequence[float]) -> str:
    p50, _, p99 = percentiles(times)
    return f"{p50:,.0f}, {p99:,.0f} ms" if times else NOTHING
