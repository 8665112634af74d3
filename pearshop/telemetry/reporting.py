"""Tells Ray from time to time what was counted. A call to it per event would cost too much.

Ray hands every value of a histogram on to its agent, which files each by itself; so histograms are
reported as the series that Prometheus makes of them, summed up here (ADR 0024).
"""

import time
from collections import Counter as Counts
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import TypeVar

from ray.util.metrics import Counter, Gauge

from pearshop.telemetry.counting import Distribution, Tags
from pearshop.telemetry.metrics import Metric

TagsT = TypeVar("TagsT", bound=Tags)
PERIOD_S = 5.0
"""Ray exports every ten seconds, and forgets gauges that were not set for twenty."""
LIMIT = "le"


class Reporter:
    """One process's metrics as Ray knows them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at = -PERIOD_S
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._told: dict[str, Counts[Tags]] = {}

    def is_due(self) -> bool:
        """Return whether it is time to report, and take it for done if so."""
        now = self._clock()
        if now - self._told_at < PERIOD_S:
            return False
        self._told_at = now
        return True

    def add(self, metric: Metric, count: float, *tags: str) -> None:
        """Add to a counter; nothing is told of what has never happened."""
        if not count:
            return
        counter = self._counters.get(metric.name)
        if counter is None:
            counter = Counter(metric.name, metric.says, metric.tags)
            self._counters[metric.name] = counter
        counter.inc(count, dict(zip(metric.tags, tags, strict=True)))

    def total(self, metric: Metric, count: int) -> None:
        """Bring a counter without tags to what was counted since the process began."""
        self.totals(metric, {(): count})

    def totals(self, metric: Metric, counts: Mapping[TagsT, int]) -> None:
        """Bring a counter to what was counted since the process began, by its tags."""
        told = self._told.setdefault(metric.name, Counts())
        for tags, count in counts.items():
            self.add(metric, count - told[tags], *tags)
            told[tags] = count

    def gauge(self, metric: Metric, value: float, *tags: str) -> None:
        """Set a gauge."""
        self._set(metric.name, metric.says, metric.tags, tags, value)

    def histogram(self, values: Distribution) -> None:
        """Bring a histogram's series to what was counted since the process began."""
        metric = values.metric
        bounds = [*(f"{bound:g}" for bound in metric.bounds), "+Inf"]
        for tags, row in values.rows.items():
            within = list(accumulate(row[:-1]))
            for bound, count in zip(bounds, within, strict=True):
                tag_keys = (*metric.tags, LIMIT)
                self._set(metric.name + "_bucket", metric.says, tag_keys, (*tags, bound), count)
            self._set(metric.name + "_count", metric.says, metric.tags, tags, within[-1])
            self._set(metric.name + "_sum", metric.says, metric.tags, tags, row[-1])

    def _set(self, name: str, says: str, tag_keys: Tags, tags: Tags, value: float) -> None:
        gauge = self._gauges.get(name)
        if gauge is None:
            gauge = self._gauges[name] = Gauge(name, says, tag_keys)
        gauge.set(value, dict(zip(tag_keys, tags, strict=True)))
