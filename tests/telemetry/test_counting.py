"""Counts on their way to Ray: buckets, differences, and when it is time. Pure but for the names."""

from typing import Any

import pytest

from pearshop.telemetry import reporting
from pearshop.telemetry.counting import Distribution
from pearshop.telemetry.metrics import CART_BATCH_SIZE, LIMITED, POOL_WAIT_SECONDS, Kind, Metric
from pearshop.telemetry.reporting import PERIOD_S, Reporter


class Told:
    """Stands for Ray's metrics, which need a cluster: remembers what it was told last."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], float] = {}
        self.calls = 0

    def of(self, name: str, _: str, tag_keys: tuple[str, ...]) -> "_Series":
        return _Series(self, name, tag_keys)


class _Series:
    def __init__(self, told: Told, name: str, tag_keys: tuple[str, ...]) -> None:
        self.told, self.name, self.tag_keys = told, name, tag_keys

    def set(self, value: float, tags: dict[str, str]) -> None:
        assert tuple(tags) == self.tag_keys
        self.told.calls += 1
        self.told.values[self.name, *tags.values()] = value

    def inc(self, value: float, tags: dict[str, str]) -> None:
        assert value > 0
        self.set(self.told.values.get((self.name, *tags.values()), 0) + value, tags)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    made = Told()
    monkeypatch.setattr(reporting, "Counter", made.of)
    monkeypatch.setattr(reporting, "Gauge", made.of)
    return made


def test_a_value_at_a_bound_is_within_it() -> None:
    values = Distribution(CART_BATCH_SIZE)
    for value in (1, 1, 2, 3, 600):
        values.add(value)
    row = values.rows[()]
    assert row[:3] == [2, 1, 1]
    assert row[-2:] == [1, 607]


def test_buckets_add_up_and_the_last_has_all(told: Told) -> None:
    metric = Metric("pearshop_x", Kind.HISTOGRAM, ("pool",), "", (0.5, 1.0))
    values = Distribution(metric)
    for value in (0.1, 0.5, 0.7, 3.0):
        values.add(value, "primary")
    Reporter().histogram(values)
    assert told.values == {
        ("pearshop_x_bucket", "primary", "0.5"): 2,
        ("pearshop_x_bucket", "primary", "1"): 3,
        ("pearshop_x_bucket", "primary", "+Inf"): 4,
        ("pearshop_x_count", "primary"): 4,
        ("pearshop_x_sum", "primary"): pytest.approx(4.3),
    }


def test_as_many_calls_for_a_million_values_as_for_one(told: Told) -> None:
    reporter, values = Reporter(), Distribution(POOL_WAIT_SECONDS)
    values.add(0.1, "primary")
    reporter.histogram(values)
    once, told.calls = told.calls, 0
    values.rows["primary",][3] += 1_000_000
    reporter.histogram(values)
    assert told.calls == once == len(POOL_WAIT_SECONDS.bounds) + 3


def test_a_counter_is_told_what_is_new(told: Told) -> None:
    reporter = Reporter()
    for count in (2, 2, 5):
        reporter.totals(LIMITED, {("user",): count, ("address",): 0})
    assert told.values == {("pearshop_limited_total", "user"): 5}
    assert told.calls == 2


def test_it_is_due_once_in_a_period() -> None:
    now: Any = [0.0]
    reporter = Reporter(lambda: now[0])
    assert [reporter.is_due(), reporter.is_due()] == [True, False]
    now[0] += PERIOD_S
    assert reporter.is_due()
