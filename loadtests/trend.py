"""Samples over time: how level a line is, and the samples as a table, a file, and a picture."""

import csv
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtests.memory import Usage
from loadtests.tables import Sheet

WARM_UP = 0.2
"""Share of the time that counts as warm-up."""
Points = Sequence[tuple[float, float]]
"""Seconds and values, in order of time."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen so many seconds after the load began."""

    seconds: float
    requests: int
    hosts: Counter[str]
    usage: dict[str, Usage]


def warm(samples: Sequence[Sample]) -> list[Sample]:
    """Return those after the warm-up."""
    return [each for each in samples if each.seconds >= WARM_UP * samples[-1].seconds]


def growth(points: Points) -> float | None:
    """Return the growth in an hour, as a share of what was there at first.

    The line goes through the medians of the first and of the last third: single peaks do not
    move it. `None` when there are too few points. Pure.
    """
    third = len(points) // 3
    if not third:
        return None
    (start, low), (end, high) = map(_middle, (points[:third], points[-third:]))
    return (high - low) / low / (end - start) * 3600


def _middle(points: Points) -> tuple[float, float]:
    seconds, values = zip(*points, strict=True)
    return statistics.median(seconds), statistics.median(values)


def memory_sheet(samples: Sequence[Sample]) -> Sheet:
    """Return the memory of each role: after the warm-up, at the end, and how it grows."""
    kept = warm(samples)
    roles = _roles(kept)
    heading = ("role", "processes", "RSS MiB", "growth/h", "private MiB", "growth/h")
    return Sheet(heading, [_row(role, kept) for role in roles] + [_row("all", kept)])


def _row(role: str, samples: Sequence[Sample]) -> tuple[str, ...]:
    seen = [(each.seconds, usage_of(each, role)) for each in samples]
    numbers = [usage.processes for _, usage in seen]
    least, most = min(numbers), max(numbers)
    return (
        role,
        str(most) if least == most else f"{least} to {most}",
        *_cells([(seconds, usage.rss) for seconds, usage in seen]),
        *_cells([(seconds, usage.private) for seconds, usage in seen]),
    )


def _cells(points: Points) -> tuple[str, str]:
    first, last, slope = points[0][1], points[-1][1], growth(points)
    return f"{first:,.0f} to {last:,.0f}", "-" if slope is None else f"{slope:+.1%}"


def _roles(samples: Sequence[Sample]) -> list[str]:
    return sorted({role for each in samples for role in each.usage}, key=str.casefold)


def usage_of(sample: Sample, role: str) -> Usage:
    """Return what a role, or `all` of them, took."""
    if role == "all":
        return sum(sample.usage.values(), Usage())
    return sample.usage.get(role, Usage())


def write_csv(samples: Sequence[Sample], file: Path) -> None:
    """Write a row for each sample."""
    roles = _roles(samples)
    counts = sorted({count for each in samples for count in each.hosts})
    with file.open("w", newline="") as rows:
        writer = csv.writer(rows)
        parts = [f"{role}: {what}" for role in roles for what in ("processes", "RSS", "private")]
        writer.writerow(["seconds", "requests", *counts, *parts])
        for each in samples:
            usages = [usage_of(each, role) for role in roles]
            cells = [
                cell for u in usages for cell in (u.processes, f"{u.rss:.1f}", f"{u.private:.1f}")
            ]
            found = [each.hosts.get(count, "") for count in counts]
            writer.writerow([f"{each.seconds:.1f}", each.requests, *found, *cells])


def plot(samples: Sequence[Sample], file: Path) -> None:
    """Draw each role's RSS over time, and the hot carts below."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    minutes = [each.seconds / 60 for each in samples]
    figure = Figure(figsize=(9, 8), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.set_prop_cycle(color=list(colormaps["tab20"](range(20))))
    for role in sorted(_roles(samples), key=lambda role: -usage_of(samples[-1], role).rss):
        above.plot(minutes, [usage_of(each, role).rss for each in samples], label=role)
    above.set_ylabel("RSS, MiB")
    above.set_ylim(bottom=0)
    above.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    counted = [each for each in samples if each.hosts]
    below.plot([each.seconds / 60 for each in counted], [each.hosts["hot"] for each in counted])
    below.set_ylabel("hot carts")
    below.set_xlabel("minutes")
    figure.savefig(file)
