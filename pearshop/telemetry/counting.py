"""Counts that the hot path adds to: a few dictionary look-ups, and Ray hears of them later."""

from bisect import bisect_left

from pearshop.telemetry.metrics import Metric

Tags = tuple[str, ...]


class Distribution:
    """How often values fell into each bucket of a histogram, and their sum, by tags."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.rows: dict[Tags, list[float]] = {}
        """For each set of tags the number of values in each bucket, then the sum of all."""
        self._bounds = metric.bounds

    def add(self, value: float, *tags: str) -> None:
        """Count one value."""
        row = self.rows.get(tags)
        if row is None:
            row = self.rows[tags] = [0.0] * (len(self._bounds) + 2)
        row[bisect_left(self._bounds, value)] += 1
        row[-1] += value
