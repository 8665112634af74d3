"""The page of metrics says what the code does, and names and tags are what Prometheus takes."""

import re
from pathlib import Path

import pytest

from pearshop.actors.carts import KINDS
from pearshop.telemetry.metrics import ALL, Kind, Metric

PAGE = (Path(__file__).parents[2] / "docs/metrics.md").read_text()


def row(metric: Metric) -> str:
    """A metric as a line of the page's table."""
    tags = ", ".join(f"`{tag}`" for tag in metric.tags)
    return f"| `{metric.name}` | {metric.kind} | {tags} | {metric.says} |"


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_each_metric_has_its_row(metric: Metric) -> None:
    assert row(metric) in PAGE.splitlines()


def test_no_row_names_a_metric_that_is_not_there() -> None:
    named = re.findall(r"^\| `(pearshop_\w+)`", PAGE, re.MULTILINE)
    assert named == [metric.name for metric in ALL]


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_names_and_buckets_are_as_prometheus_has_them(metric: Metric) -> None:
    assert re.fullmatch(r"pearshop_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert bool(metric.bounds) == (metric.kind is Kind.HISTOGRAM)
    assert list(metric.bounds) == sorted(set(metric.bounds))


def test_every_kind_of_command_is_named() -> None:
    [commands] = [each for each in ALL if each.name == "pearshop_cart_commands_total"]
    assert all(f"`{kind}`" in commands.says for kind in KINDS.values())
