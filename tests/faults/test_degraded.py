"""What goes on while a part is away, what is said about it, and that all heals by itself."""

import os
import re
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from pearshop.launcher.state import StateFolder
from tests.faults.plant import Plant
from tests.replicas import each_replica
from tests.waiting import wait_for

PASSWORD = "correct horse battery"
CART = "/api/order-item/"


@pytest.fixture
def shopper(plant: Plant) -> Iterator[httpx.Client]:
    """A client that is signed in, and opens a new connection for each request."""
    name = {"username": f"shopper-{os.urandom(4).hex()}", "password": PASSWORD}
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=plant.url, timeout=30, limits=limits) as client:
        assert client.post("/api/register/", json=name).status_code == 201
        tokens = client.post("/api/login/", json=name).json()
        client.headers["Authorization"] = f"Bearer {tokens['access']}"
        yield client


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    """Stop a process for the time of the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _degraded(plant: Plant, part: str) -> bool:
    """Return what the metrics say of a part, of any replica."""
    runtime = StateFolder(plant.state).runtime
    text = (runtime / "ray" / "prom_metrics_service_discovery.json").read_text()
    pattern = re.compile(rf'pearshop_degraded{{.*part="{part}".*}} 1\.0')
    return any(
        pattern.search(httpx.get(f"http://{target}/metrics", timeout=10).text)
        for target in re.findall(r'"([\d.]+:\d+)"', text)
    )


def test_without_redis_all_works_and_it_is_said(plant: Plant, shopper: httpx.Client) -> None:
    [pear] = plant.put_on_sale([5])
    with _stopped(plant.run.pids["redis"]):
        wait_for(lambda: "degraded" in plant.say(), "status to tell")
        wait_for(lambda: _degraded(plant, "redis"), "the metrics to tell")
        line = shopper.post(CART, json={"product_id": pear, "quantity": 2})
        assert line.status_code == 201
        wish = {"delivery_address": "Here", "order_item_ids": [line.json()["id"]]}
        assert shopper.post("/api/order/", json=wish).status_code == 201
    wait_for(lambda: "degraded" not in plant.say(), "status to tell that it is back")
    wait_for(lambda: not _degraded(plant, "redis"), "the metrics to tell that it is back")


def _assert_shown_by_each(plant: Plant, paths: Iterable[str]) -> None:
    with each_replica(plant.state) as replicas:
        assert all(each.get(path).status_code == 200 for each in replicas for path in paths)


def test_without_postgresql_what_is_known_is_shown_and_the_rest_is_503(
    plant: Plant, shopper: httpx.Client
) -> None:
    [pear] = plant.put_on_sale([5])
    known = (f"/api/product/{pear}/", "/api/product/")
    _assert_shown_by_each(plant, known)
    parts = ("Api replica", "Database replica", "cart host")
    before = {each.pid for part in parts for each in plant.processes(part)}
    add = {"product_id": pear, "quantity": 1}
    with _stopped(plant.run.pids["up"]):  # which would start it again
        os.kill(plant.run.pids["postgres"], signal.SIGKILL)
        wait_for(lambda: _degraded(plant, "database"), "the metrics to tell")
        _assert_shown_by_each(plant, known)
        assert all(shopper.get(path).status_code == 200 for path in known)
        for answer in (
            shopper.post(CART, json=add),
            shopper.post(CART, json=add, headers={"Idempotency-Key": "k"}),
            shopper.get(CART),
            shopper.get("/api/order/"),
            shopper.post("/api/login/", json={"username": "a", "password": PASSWORD}),
        ):
            assert answer.status_code == 503, answer.text
            assert int(answer.headers["Retry-After"]) >= 1
            assert isinstance(answer.json()["safe_to_repeat"], bool)
    wait_for(lambda: shopper.post(CART, json=add).status_code == 201, "the shop to heal")
    assert before == {each.pid for part in parts for each in plant.processes(part)}


def test_a_host_that_hangs_is_killed_and_its_carts_go_on(
    plant: Plant, shopper: httpx.Client
) -> None:
    [pear] = plant.put_on_sale([None])
    add = {"product_id": pear, "quantity": 1}
    assert shopper.post(CART, json=add).status_code == 201
    [hung] = plant.processes("cart host")
    hung.send_signal(signal.SIGSTOP)
    answer = shopper.post(CART, json=add)
    assert answer.status_code == 503
    assert answer.json()["safe_to_repeat"] is False
    wait_for(lambda: shopper.get(CART).status_code == 200, "another host")
    assert hung.pid not in {each.pid for each in plant.processes("cart host")}
    assert [line["quantity"] for line in shopper.get(CART).json()] == [1]
    logs = (StateFolder(plant.state).runtime / "ray" / "session_latest" / "logs" / "serve").glob(
        "replica_pearshop_Api_*.log"
    )
    assert any("did not answer a greeting" in log.read_text() for log in logs)


@pytest.mark.long
def test_hosts_whose_shop_is_gone_end_themselves(plant: Plant) -> None:
    """They are detached from the replicas that made them, so nobody else would."""
    assert plant.processes("cart host")
    gone = httpx.delete(f"{plant.run.dashboard_url}/api/serve/applications/", timeout=60)
    assert gone.status_code == 200, gone.text
    wait_for(lambda: not plant.processes("cart host"), "the hosts to end")
    plant.deploy(lambda _: None)
    plant.put_on_sale([None])
