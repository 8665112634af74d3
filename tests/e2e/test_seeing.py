"""How a running shop is seen: each metric moves, a request is followed, health, spans, no secrets.

A shop of its own: all requests are logged, and an OTLP receiver hears of spans.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from pearshop.launcher.state import StateFolder
from pearshop.telemetry.metrics import ALL, Kind
from tests.e2e.conftest import Shop, running_shop
from tests.e2e.test_cart import CART, add, order
from tests.e2e.test_secrets import assert_no_log_has_any
from tests.receiver import Receiver, receiving
from tests.waiting import wait_for

LOST_BY_A_LOCK_S = "1"
"""The statement time-out: so long a save waits for a row that a test holds."""
Samples = dict[str, dict[frozenset[tuple[str, str]], float]]


@pytest.fixture(scope="module")
def collector() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def seen(own_folder: Path, collector: Receiver) -> Iterator[Shop]:
    settings = {
        "PEARSHOP_LOG_REQUESTS": "all",
        "PEARSHOP_RATE_LIMITS": "on",
        "PEARSHOP_RATE_LIMIT_SIGN_IN": "300/minute",
        "PEARSHOP_WEBHOOK_PRIVATE_ADDRESSES": "on",
        "PEARSHOP_CART_IDLE_SECONDS": "1",
        "PEARSHOP_DATABASE_STATEMENT_TIMEOUT": LOST_BY_A_LOCK_S,
        "PEARSHOP_DATABASE_REPLICA_URLS": "postgresql://nobody@127.0.0.1:1/nothing",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.port}",
        "OTEL_BSP_SCHEDULE_DELAY": "300",
    }
    with running_shop(own_folder / "seen", **settings) as running:
        yield running


def scrape(shop: Shop) -> Samples:
    """Ask the metrics agents as Prometheus would, whom Ray tells where they are."""
    told = StateFolder(shop.state).runtime / "ray" / "prom_metrics_service_discovery.json"
    found: Samples = defaultdict(dict)
    for group in json.loads(told.read_text()):
        for target in group["targets"]:
            page = httpx.get(f"http://{target}/metrics", timeout=30, trust_env=False).text
            for family in text_string_to_metric_families(page):
                for sample in family.samples:
                    if sample.name.startswith("ray_pearshop_"):
                        found[sample.name][frozenset(sample.labels.items())] = sample.value
    return found


def total(samples: Samples, name: str, **tags: str) -> float:
    """The sum of a metric over the processes that tell of it."""
    series = samples.get(f"ray_{name}", {})
    return sum(value for labels, value in series.items() if set(tags.items()) <= labels)


def lines(shop: Shop, file: str) -> list[dict[str, Any]]:
    """The JSON lines in log files of that name."""
    logs = StateFolder(shop.state).runtime / "ray" / "session_latest" / "logs"
    return [
        json.loads(line)
        for path in sorted(logs.rglob(file))
        for line in path.read_text().splitlines()
        if line.startswith("{")
    ]


def named(told: list[dict[str, Any]], request_id: str) -> list[dict[str, Any]]:
    return [
        line
        for line in told
        if line.get("request_id") == request_id or request_id in line.get("request_ids", ())
    ]


MOVED = {
    "pearshop_requests_total": {"route": "/api/product/{product_id}/", "status": "404"},
    "pearshop_request_seconds_count": {"route": "unknown"},
    "pearshop_request_seconds_bucket": {"route": "/api/order/", "le": "+Inf"},
    "pearshop_request_seconds_sum": {"route": "/api/order/"},
    "pearshop_cart_commands_total": {"kind": "add", "outcome": "repeated"},
    "pearshop_cart_command_seconds_count": {},
    "pearshop_cart_batch_size_bucket": {"le": "1"},
    "pearshop_cart_activations_total": {},
    "pearshop_cart_passivations_total": {"reason": "idle"},
    "pearshop_fenced_writes_total": {},
    "pearshop_cart_host_starts_total": {},
    "pearshop_orders_placed_total": {},
    "pearshop_orders_refused_total": {"reason": "out_of_stock"},
    "pearshop_stock_refusals_total": {},
    "pearshop_pool_size": {"pool": "primary"},
    "pearshop_pool_wait_seconds_count": {"pool": "primary"},
    "pearshop_sign_ins_total": {"outcome": "slowed"},
    "pearshop_limited_total": {"limit": "username"},
    "pearshop_cache_lookups_total": {"layer": "memory"},
    "pearshop_webhook_deliveries_total": {"outcome": "delivered"},
}
"""What has to be more than nothing, once each kind of thing has happened."""
LATER = {"pearshop_swept_rows_total"}
"""Sweeping begins minutes after the shop does; tests/deployments sees it."""
THERE = {
    *("pearshop_degraded", "pearshop_hot_carts", "pearshop_mailbox_depth", "pearshop_pool_in_use"),
    *("pearshop_replica_used", "pearshop_replica_behind_seconds", "pearshop_outbox_age_seconds"),
}
"""Gauges that may well be nothing."""


def do_everything(shop: Shop) -> None:
    """Have each kind of thing happen that is counted."""
    shopper, pear, nashi = shop.shopper(), shop.product(stock=5), shop.product(stock=1)
    key = {"Idempotency-Key": "once"}
    wish = {"product_id": pear["id"], "quantity": 1}
    first, again = (shopper.post(CART, wish, headers=key) for _ in range(2))
    assert first.json() == again.json()
    with shop.engine.begin() as connection:  # as another copy of the cart would have stored it
        connection.execute(text("UPDATE carts SET version = version + 1"))
    scarce = add(shopper, nashi, 2)
    refused = {"delivery_address": "Here", "order_item_ids": [scarce["id"]]}
    assert shopper.post("/api/order/", refused).json()["code"] == "out_of_stock"
    order(shopper, first.json())
    assert shop.visitor.get("/api/product/0/").status_code == 404
    assert shop.visitor.get("/api/nothing/").status_code == 404
    statuses = [
        shop.visitor.post("/api/login/", {"username": "guessed-at", "password": "wrong"})
        for _ in range(6)
    ]
    assert [answer.status_code for answer in statuses] == [401] * 5 + [429]


def test_every_metric_is_looked_at_here() -> None:
    parts = re.compile(r"_(bucket|count|sum)$")
    looked_at = {parts.sub("", name) for name in MOVED} | THERE | LATER
    assert looked_at == {metric.name for metric in ALL}


def test_every_metric_moves(seen: Shop) -> None:
    with receiving() as subscriber:
        hook = seen.staff.post("/api/webhook/", {"url": subscriber.url}).json()
        do_everything(seen)
        missing: set[str] = set()

        def all_moved() -> bool:
            samples = scrape(seen)
            missing.clear()
            missing.update(n for n, tags in MOVED.items() if not total(samples, n, **tags))
            missing.update(n for n in THERE if f"ray_{n}" not in samples)
            return not missing

        try:
            wait_for(all_moved, "every metric")
        except TimeoutError:
            raise AssertionError(missing) from None
        assert seen.staff.delete(f"/api/webhook/{hook['id']}/").status_code == 204
    samples = scrape(seen)
    assert total(samples, "pearshop_orders_placed_total") == 1
    assert total(samples, "pearshop_stock_refusals_total") == 1
    placing = {"route": "/api/order/"}
    assert total(samples, "pearshop_request_seconds_count", **placing) == total(
        samples, "pearshop_request_seconds_bucket", **placing, le="+Inf"
    )
    counters = {f"ray_{each.name}" for each in ALL if each.kind is Kind.COUNTER}
    counters -= {f"ray_{name}" for name in LATER}
    assert counters <= samples.keys()


def test_one_request_is_followed_through_all_processes(seen: Shop) -> None:
    shopper, product = seen.shopper(), seen.product()
    wish = {"product_id": product["id"], "quantity": 1}
    answer = shopper.post(CART, wish, headers={"X-Request-ID": "followed-1"})
    assert answer.headers.get_list("X-Request-ID") == ["followed-1"]

    def way() -> list[dict[str, Any]]:
        return [
            line
            for file in ("replica_pearshop_Api_*.log", "worker-*.err", "replica_*_Database_*.log")
            for line in named(lines(seen, file), "followed-1")
        ]

    wait_for(lambda: len(way()) >= 5, "the lines of a request")
    request, *work = way()
    assert (request["route"], request["status"], request["method"]) == (CART, 201, "POST")
    assert request["duration_ms"] > 0
    assert request["replica"].startswith("Api#")
    done_by = {each["work"]: each["replica"].partition("#")[0][:11] for each in work}
    assert done_by == {
        "host.load": "cart-host-0",
        "host.save": "cart-host-0",
        "cart.load": "Database",
        "cart.save": "Database",
    }


def test_a_failure_in_the_database_names_the_request(seen: Shop) -> None:
    shopper, product = seen.shopper(), seen.product()
    line = add(shopper, product)
    change = {"quantity": 5}
    with seen.engine.begin() as connection:
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(text("SELECT FROM carts FOR UPDATE"))
        answer = shopper.call(
            "PATCH", f"{CART}{line['id']}/", json=change, headers={"X-Request-ID": "locked-out"}
        )
    assert answer.status_code == 503
    for file, work in (("worker-*.err", "host.save"), ("replica_*_Database_*.log", "cart.save")):
        failed = [x for x in named(lines(seen, file), "locked-out") if x.get("work") == work]
        assert failed[0]["levelname"] == "WARNING"
        assert failed[0]["failure"]


def test_ids_that_are_none_are_replaced(seen: Shop) -> None:
    headers = {"X-Request-ID": "a secret, perhaps"}
    [made] = seen.http.get("/api/shop/", headers=headers).headers.get_list("X-Request-ID")
    assert made != headers["X-Request-ID"]
    assert re.fullmatch(r"[\w-]+", made)


def test_no_log_has_a_secret_though_it_has_every_request(seen: Shop) -> None:
    assert_no_log_has_any(seen)


@pytest.mark.parametrize("path", ["/readyz", "/api/readyz"])
def test_readiness_says_what_is_wrong(seen: Shop, path: str) -> None:
    def all_say(status: int) -> bool:  # each replica remembers for a second
        return all(seen.http.get(path).status_code == status for _ in range(10))

    found = seen.http.get(path)
    assert found.status_code == 200, found.text
    parts = {each["part"]: each for each in found.json()["parts"]}
    assert parts.keys() == {"database", "schema", "cart host 0"}
    assert all(each["ready"] and each["ms"] >= 0 for each in parts.values())
    assert found.headers["Cache-Control"] == "no-store"
    with seen.engine.begin() as connection:
        before = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    try:
        _set_revision(seen, "0001")
        wait_for(lambda: all_say(503), "that the schema is missed")
        wrong = seen.http.get(path)
        assert wrong.json()["code"] == "not_ready"
        assert "pearshop migrate" in wrong.json()["detail"]
        assert wrong.headers["Retry-After"] == "1"
        assert seen.http.get(path.replace("ready", "health")).json() == {"status": "alive"}
    finally:
        _set_revision(seen, before)
    wait_for(lambda: all_say(200), "that the schema is found")


def _set_revision(shop: Shop, revision: str) -> None:
    with shop.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})


def test_health_counts_under_no_limit(seen: Shop) -> None:
    assert "RateLimit" in seen.http.get("/api/nothing/").headers
    for path in ("/healthz", "/readyz", "/api/healthz/", "/api/readyz/"):
        assert "RateLimit" not in seen.http.get(path).headers


def test_spans_of_a_request_are_told_by_otlp(seen: Shop, collector: Receiver) -> None:
    shopper, product = seen.shopper(), seen.product()
    trace, client = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    wish = {"product_id": product["id"], "quantity": 1}
    headers = {"traceparent": f"00-{trace}-{client}-01", "X-Request-ID": "traced-1"}
    assert shopper.post(CART, wish, headers=headers).status_code == 201

    def spans() -> dict[str, Span]:
        return {each.name: each for each in _spans(collector) if each.trace_id.hex() == trace}

    names = {f"POST {CART}", "cart.add", "host.load", "host.save", "cart.load", "cart.save"}
    wait_for(lambda: names <= spans().keys(), f"spans {names}")
    found = spans()
    request = found[f"POST {CART}"]
    assert request.parent_span_id.hex() == client
    assert request.kind == Span.SPAN_KIND_SERVER
    told = {each.key: each.value for each in request.attributes}
    assert told["http.response.status_code"].int_value == 201
    assert told["pearshop.request_id"].string_value == "traced-1"
    for name in ("cart.add", "host.load", "host.save"):
        assert found[name].parent_span_id == request.span_id, name
    assert found["cart.save"].parent_span_id == found["host.save"].span_id


def _spans(collector: Receiver) -> list[Span]:
    return [
        span
        for each in list(collector.received)
        for resource in ExportTraceServiceRequest.FromString(each.body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
