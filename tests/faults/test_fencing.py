"""A host that slept while its carts moved: its old copies answer nobody and store nothing."""

import json
import os
import signal
import subprocess
import sys

import httpx
from sqlalchemy import Engine, text

from pearshop.actors.placement import host_of
from pearshop.actors.ray_host import NAMESPACE
from pearshop.launcher.dashboard import Dashboard
from pearshop.launcher.state import StateFolder
from tests.faults.plant import Plant
from tests.waiting import wait_for

PASSWORD = "correct horse battery"
CART = "/api/order-item/"
MOVES = 1
"""The number of the host that is not there any more when there is one host only."""


def _shopper(plant: Plant, engine: Engine) -> tuple[httpx.Client, int]:
    """Return a client that is signed in, and its user id, with a cart that will move."""
    while True:
        name = {"username": f"shopper-{os.urandom(4).hex()}", "password": PASSWORD}
        client = httpx.Client(base_url=plant.url, timeout=30)
        assert client.post("/api/register/", json=name).status_code == 201
        user_id = int(_scalar(engine, "SELECT max(id) FROM users"))
        if host_of(user_id, 2) == MOVES:
            tokens = client.post("/api/login/", json=name).json()
            client.headers["Authorization"] = f"Bearer {tokens['access']}"
            return client, user_id


def _scalar(engine: Engine, query: str) -> str:
    with engine.connect() as connection:
        return str(connection.execute(text(query)).scalar_one())


def _pid_of(plant: Plant, actor: str) -> int:
    actors = Dashboard(plant.run.dashboard_url).actors(NAMESPACE)
    return int(next(a["pid"] for a in actors if a["name"] == actor and a["state"] == "ALIVE"))


def _ask(plant: Plant, *arguments: object) -> "subprocess.Popen[str]":
    runtime = StateFolder(plant.state).runtime
    address = (runtime / "ray" / "ray_current_cluster").read_text().strip()
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.ask_host", address, *map(str, arguments)],
        env=os.environ | {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_stale_copy_that_wakes_is_fenced_for_reads_and_writes(plant: Plant) -> None:
    plant.set_hosts(2)
    [pear] = plant.put_on_sale([None])
    with plant.engine() as engine:
        client, user_id = _shopper(plant, engine)
        assert client.post(CART, json={"product_id": pear, "quantity": 1}).status_code == 201
        actor = _scalar(engine, f"SELECT actor FROM cart_hosts WHERE number = {MOVES}")
        epoch = _scalar(engine, "SELECT epoch FROM placement")
        sleeping = _pid_of(plant, actor)
        os.kill(sleeping, signal.SIGSTOP)
        try:
            asking = _ask(plant, actor, epoch, user_id, pear)
            assert asking.stdout is not None
            assert asking.stdout.readline() == "sent\n"
            plant.set_hosts(1)
            more = {"product_id": pear, "quantity": 2}
            wait_for(lambda: client.post(CART, json=more).status_code == 201, "the other host")
        finally:
            os.kill(sleeping, signal.SIGCONT)
        read, add = json.loads(asking.communicate()[0])
        [held] = [line["quantity"] for line in client.get(CART).json()]
        stored = _scalar(engine, f"SELECT lines->0->>2 FROM carts WHERE user_id = {user_id}")
    client.close()
    assert held >= 3
    assert read in ([held], "Moved")
    assert add == "Moved"
    assert stored == str(held)
