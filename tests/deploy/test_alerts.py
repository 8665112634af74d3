"""The alert rules: what they name is there, each fires when it should and is silent when not."""

import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.deploy.files import DEPLOY, METRICS, ROOT, metrics_in, parsed, promtool

RULES = [
    rule for group in parsed("deploy/prometheus/alerts.yml")["groups"] for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
REQUESTS = 'ray_pearshop_requests_total{route="/api/cart/",status="%s"}'
STARTS = 'ray_pearshop_cart_host_starts_total{WorkerId="%s"}'


class Case(NamedTuple):
    """Series as promtool writes them, and when (minutes) to look."""

    alert: str
    series: dict[str, str]
    minute: int


def _requests(good: str, bad: str) -> dict[str, str]:
    return {REQUESTS % 200: good, REQUESTS % 503: bad}


def _slow(fast: str, every: str) -> dict[str, str]:
    return {
        'ray_pearshop_request_seconds_bucket{le="0.5"}': fast,
        "ray_pearshop_request_seconds_count": every,
    }


def _hosts(*ended: str) -> dict[str, str]:
    dead = {STARTS % number: values for number, values in enumerate(ended)}
    return {STARTS % "alive": "1x60", **dead}


FIRES = [
    Case("ErrorsBurnFast", _requests("0+980x120", "0+20x120"), 70),
    Case("ErrorsBurnSlowly", _requests("0+993x500", "0+7x500"), 420),
    Case("SlowAnswersBurnFast", _slow("0+80x120", "0+100x120"), 70),
    Case("SlowAnswersBurnSlowly", _slow("0+93x500", "0+100x500"), 420),
    Case("ShopNotReady", {'probe_success{job="ready"}': "1x5 0x10"}, 8),
    Case("ShopUnseen", {'up{job="ray"}': "1x5 0x20"}, 9),
    Case("ShopUnseen", {'up{job="haproxy"}': "1x20"}, 9),
    Case("TargetAway", {'up{job="machines",instance="db1:9100"}': "0x20"}, 6),
    Case("PartAway", {'ray_pearshop_degraded{part="redis"}': "0x5 1x10"}, 10),
    Case("FencedWrites", {"ray_pearshop_fenced_writes_total": "0+5x60"}, 40),
    Case("CartHostsDie", _hosts("1x2 stale", "_x3 1x2 stale", "_x7 1 stale", "_x9 1 stale"), 12),
    Case("OutboxWaits", {"ray_pearshop_outbox_age_seconds": "0+60x20"}, 15),
    Case(
        "PoolExhausted",
        {
            'ray_pearshop_pool_in_use{pool="primary",WorkerId="a"}': "8x20",
            'ray_pearshop_pool_in_use{pool="primary",WorkerId="b"}': "7x20",
            'ray_pearshop_pool_size{pool="primary",WorkerId="a"}': "8x20",
            'ray_pearshop_pool_size{pool="primary",WorkerId="b"}': "8x20",
        },
        6,
    ),
    Case("ReplicaLags", {'ray_pearshop_replica_behind_seconds{replica="0"}': "0+10x20"}, 15),
    Case("ReplicaLeftOut", {'ray_pearshop_replica_used{replica="0"}': "0x20"}, 11),
    Case("DiskFills", {'ray_node_disk_utilization_percentage{ip="10.0.0.1"}': "86x20"}, 11),
    Case(
        "DiskFills",
        {
            'node_filesystem_avail_bytes{instance="db1",fstype="ext4",mountpoint="/"}': "10x20",
            'node_filesystem_size_bytes{instance="db1",fstype="ext4",mountpoint="/"}': "100x20",
        },
        11,
    ),
    Case("CertificateEnds", {'probe_ssl_earliest_cert_expiry{job="edge"}': "1000000x90"}, 61),
]
SILENT = [
    Case("ErrorsBurnFast", _requests("0+1000x120", "0+1x120"), 70),
    Case("ErrorsBurnFast", _requests("0+980x60 58800+1000x60", "0+20x60 1200x60"), 75),  # is over
    Case("ErrorsBurnSlowly", _requests("0+995x500", "0+5x500"), 420),
    Case("SlowAnswersBurnFast", _slow("0+90x120", "0+100x120"), 70),
    Case("SlowAnswersBurnSlowly", _slow("0+95x500", "0+100x500"), 420),
    Case("ShopNotReady", {'probe_success{job="ready"}': "1x5 0 1x10"}, 8),
    Case(
        "ShopUnseen",
        {'up{job="ray",instance="a"}': "0x20", 'up{job="ray",instance="b"}': "1x20"},
        9,
    ),
    Case("TargetAway", {'up{job="machines",instance="db1:9100"}': "0x3 1x20"}, 6),
    Case("PartAway", {'ray_pearshop_degraded{part="redis"}': "0x5 1 0x10"}, 10),
    Case("FencedWrites", {"ray_pearshop_fenced_writes_total": "0x10 19x60"}, 40),
    Case("CartHostsDie", _hosts("1x2 stale"), 12),  # a deploy replaces each host
    Case("OutboxWaits", {"ray_pearshop_outbox_age_seconds": "50x20"}, 15),
    Case(
        "PoolExhausted",
        {
            'ray_pearshop_pool_in_use{pool="primary"}': "7x20",
            'ray_pearshop_pool_size{pool="primary"}': "8x20",
        },
        6,
    ),
    Case("ReplicaLags", {'ray_pearshop_replica_behind_seconds{replica="0"}': "9x20"}, 15),
    Case(
        "ReplicaLeftOut",
        {
            'ray_pearshop_replica_used{replica="0",WorkerId="a"}': "0x20",
            'ray_pearshop_replica_used{replica="0",WorkerId="b"}': "1x20",
        },
        11,
    ),
    Case("DiskFills", {'ray_node_disk_utilization_percentage{ip="10.0.0.1"}': "84x20"}, 11),
    Case("CertificateEnds", {'probe_ssl_earliest_cert_expiry{job="edge"}': "2000000x90"}, 61),
]


def test_rules_and_configuration_are_valid() -> None:
    said = promtool("check", "config", str(DEPLOY / "prometheus/prometheus.yml"))
    assert f"{len(RULES)} rules found" in said


def test_each_alert_is_shown_to_fire_and_to_be_silent() -> None:
    assert {case.alert for case in FIRES} == {case.alert for case in SILENT} == set(ALERTS)


def test_alerts_fire_when_they_should_and_only_then(tmp_path: Path) -> None:
    tests = [_test(case, fires=True) for case in FIRES]
    tests += [_test(case, fires=False) for case in SILENT]
    rules = [str(DEPLOY / "prometheus/alerts.yml")]
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump({"rule_files": rules, "tests": tests}))
    promtool("test", "rules", str(file))


def _test(case: Case, *, fires: bool) -> dict[str, Any]:
    expression = f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}})'
    samples = [{"labels": "{}", "value": 1}] if fires else []
    return {
        "interval": "1m",
        "input_series": [{"series": k, "values": v} for k, v in case.series.items()],
        "promql_expr_test": [
            {"expr": expression, "eval_time": f"{case.minute}m", "exp_samples": samples}
        ],
    }


@pytest.mark.parametrize("alert", ALERTS.values(), ids=list(ALERTS))
def test_an_alert_leads_to_its_paragraph(alert: dict[str, Any]) -> None:
    assert alert["annotations"]["runbook_url"] == f"docs/runbook.md#{alert['alert'].lower()}"
    assert alert["labels"]["severity"] in {"page", "ticket"}


def test_each_paragraph_has_its_alert() -> None:
    assert re.findall(r"^### (\w+)$", RUNBOOK, re.MULTILINE) == list(ALERTS)


def test_rules_name_metrics_that_there_are() -> None:
    named = set().union(*(metrics_in(rule["expr"]) for rule in RULES))
    assert len(named) > 5
    assert named <= METRICS
