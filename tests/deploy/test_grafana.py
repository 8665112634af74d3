"""The shop's dashboard: every expression is PromQL, every metric in it is one of the shop's."""

import json
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.files import DEPLOY, METRICS, metrics_in, parsed, promtool

DASHBOARD = json.loads((DEPLOY / "grafana/dashboards/pearshop.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]


def test_expressions_are_promql(tmp_path: Path) -> None:
    # Grafana puts a duration there; everything else is what Prometheus gets.
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "1m")}
        for number, expression in enumerate(EXPRESSIONS)
    ]
    file = tmp_path / "rules.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", str(file))


def test_what_is_shown_is_there_and_what_is_there_is_shown() -> None:
    assert set().union(*map(metrics_in, EXPRESSIONS)) == METRICS


def test_recorded_ratios_that_are_shown_are_recorded() -> None:
    groups = parsed("deploy/prometheus/alerts.yml")["groups"]
    recorded = {rule.get("record") for group in groups for rule in group["rules"]}
    shown = {expression for expression in EXPRESSIONS if expression.startswith("pearshop:")}
    assert shown
    assert shown <= recorded


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert all(one < next_one for one, next_one in pairwise(numbers))
    assert not [
        (one["title"], other["title"])
        for one, other in combinations(DASHBOARD["panels"], 2)
        if _overlap(one["gridPos"], other["gridPos"])
    ]
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in PANELS)


def test_panels_ask_the_data_source_that_is_provisioned() -> None:
    source = parsed("deploy/grafana/provisioning/datasources/prometheus.yml")["datasources"][0]
    asked = {json.dumps(panel["datasource"], sort_keys=True) for panel in PANELS}
    assert asked == {json.dumps({"type": source["type"], "uid": source["uid"]}, sort_keys=True)}
    assert source["name"] == "Prometheus"  # what Ray's dashboards ask for


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )
