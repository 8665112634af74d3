"""The faults: each strikes real processes of a running shop while shoppers shop.

A strike returns when what it broke is back, as far as a process can tell; the test then waits
until every shopper is served again. SIGKILL unless the name says otherwise.
"""

import os
import signal
import time
import uuid
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2

from tests.faults.plant import Node, Plant, bound_hosts, deployment_of
from tests.faults.shoppers import Load
from tests.waiting import wait_for

PAUSED_S = 10.0
STARTS_S = 240.0
"""How long a machine of two cores may take to start a dozen processes beside the load."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A name for the table and what it does. `times`: strikes in the short form of the suite."""

    name: str
    strike: Callable[[Plant, Load], None]
    times: int = 1

    def __str__(self) -> str:
        return self.name


def _kill(part: str, count: int | None = 1) -> Callable[[Plant, Load], None]:
    return lambda plant, _: plant.replace(part, count)


def _all_hosts(plant: Plant, load: Load) -> None:
    plant.set_hosts(3)
    load.await_acknowledged(5)
    plant.replace("cart host")
    load.await_acknowledged(5)
    plant.set_hosts(1)


def _kill_server(name: str) -> Callable[[Plant, Load], None]:
    return lambda plant, _: plant.replace_server(name)


def _cut_in_mid_commit(plant: Plant, _: Load) -> None:
    """Let commits become durable but not answered, then cut their connections.

    PostgreSQL does that when it waits for a standby that does not exist.
    """
    with _superuser(plant) as execute:
        execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        execute("SELECT pg_reload_conf()")
        try:
            wait_for(lambda: _cut_commits(execute), "a commit under way")
        finally:
            execute("ALTER SYSTEM RESET synchronous_standby_names")
            execute("SELECT pg_reload_conf()")


def _cut_commits(execute: Callable[[str], list[Any]]) -> int:
    return len(
        execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE wait_event = 'SyncRep' AND application_name = 'pearshop'"
        )
    )


@contextmanager
def _superuser(plant: Plant) -> Any:
    connection = psycopg2.connect(plant.run.database_url, application_name="faults")
    connection.autocommit = True

    def execute(statement: str) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    try:
        # This session's own statements are not to wait for the standby that does not exist.
        execute("SET synchronous_commit = local")
        yield execute
    finally:
        connection.close()


def _pause_a_host(plant: Plant, load: Load) -> None:
    """Stop a host, move its carts to another one, and let it wake with its old copies."""
    plant.set_hosts(2)
    load.await_acknowledged(5)
    paused = plant.processes("cart host")[-1]
    paused.send_signal(signal.SIGSTOP)
    try:
        asleep_until = time.monotonic() + PAUSED_S
        plant.set_hosts(1)
        load.await_acknowledged(5)
        wait_for(lambda: time.monotonic() > asleep_until, "the pause to end")
    finally:
        paused.send_signal(signal.SIGCONT)


def _hosts_change(plant: Plant, load: Load) -> None:
    for hosts in (3, 2, 1):
        plant.set_hosts(hosts)
        load.await_acknowledged(5)


def _hosts_come_by_themselves(plant: Plant, load: Load) -> None:
    """Let a host keep two carts only, so that those of the shoppers bring more hosts."""

    def describe(application: dict[str, Any]) -> None:
        application["runtime_env"] = {"env_vars": {"PEARSHOP_CART_HOT_LIMIT": "2"}}
        bound_hosts(application, 1, 3)

    plant.set_hosts(1)
    plant.deploy(describe)
    wait_for(lambda: plant.placed_hosts() == 3, "two more cart hosts", STARTS_S)
    load.await_acknowledged(5)
    plant.set_hosts(1)


def _deploy_a_release(plant: Plant, _: Load) -> None:
    before = {each.pid for each in plant.processes("Api replica")}
    before |= {each.pid for each in plant.processes("Database replica")}
    hosts = {each.pid for each in plant.processes("cart host")}
    release = uuid.uuid4().hex

    def change(application: dict[str, Any]) -> None:
        application["runtime_env"] = {"env_vars": {"PEARSHOP_RELEASE": release}}

    plant.deploy(change)
    wait_for(lambda: not before & _pids(plant, "Api replica", "Database replica"), "new replicas")
    wait_for(lambda: not hosts & _pids(plant, "cart host"), "new cart hosts")


def _kill_a_node(plant: Plant, load: Load) -> None:
    """Join a worker node, let the shop spread over it, and kill all that runs there."""
    with plant.further_node() as node:
        hosts = 3
        _spread(plant, node, hosts)
        while hosts < 7 and not node.processes("cart host"):  # Ray puts them where it sees fit
            hosts += 1
            _spread(plant, node, hosts)
        assert node.processes("cart host")
        load.await_acknowledged(5)
    load.await_acknowledged(5)
    plant.set_hosts(1)
    wait_for(lambda: len(plant.processes("cart host")) == 1, "the hosts of before to end")


def _spread(plant: Plant, node: Node, hosts: int) -> None:
    """Have more of each kind of replica than the head may run, and so many cart hosts."""

    def describe(application: dict[str, Any]) -> None:
        bound_hosts(application, hosts, hosts)
        for name in ("Api", "Database"):
            deployment = deployment_of(application, name)
            deployment["autoscaling_config"] |= {"min_replicas": 3, "max_replicas": 3}
            deployment["max_replicas_per_node"] = 2

    def are_there() -> bool:
        replicas = node.processes("Api replica") and node.processes("Database replica")
        everywhere = plant.processes("cart host") + node.processes("cart host")
        return bool(replicas) and len(everywhere) >= hosts

    plant.deploy(describe)
    wait_for(are_there, f"replicas on the node and {hosts} cart hosts", STARTS_S)


def _pids(plant: Plant, *parts: str) -> set[int]:
    return {each.pid for part in parts for each in plant.processes(part)}


def _kill_everything(plant: Plant, _: Load) -> None:
    plant.kill_everything()
    plant.up()


def _kill_ray(plant: Plant, _: Load) -> None:
    """Kill the head's main process; `up` starts a new cluster."""
    before = plant.run.pids["ray"]
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: plant.run.pids.get("ray") not in (before, None), "a new Ray head")


FAULTS = (
    Fault("no fault", lambda _plant, load: load.await_acknowledged(20)),
    Fault("a cart host", _kill("cart host")),
    Fault("all cart hosts", _all_hosts),
    Fault("an `Api` replica", _kill("Api replica"), times=2),
    Fault("a `Database` replica", _kill("Database replica"), times=2),
    Fault("HAProxy", _kill("HAProxy"), times=2),
    Fault("HAProxy's manager", _kill("HAProxy's manager")),
    Fault("the Serve controller", _kill("Serve controller")),
    Fault("PostgreSQL", _kill_server("postgres")),
    Fault("a connection cut in mid-commit", _cut_in_mid_commit, times=3),
    Fault("Redis", _kill_server("redis")),
    Fault("a cart host paused for 10 s (SIGSTOP), its carts moved, then SIGCONT", _pause_a_host),
    Fault("number of cart hosts 1 → 3 → 2 → 1", _hosts_change),
    Fault("cart hosts 1 → 3 by themselves, then 1", _hosts_come_by_themselves),
    Fault("`serve deploy` of a new release", _deploy_a_release),
    Fault("a worker node with all that runs on it", _kill_a_node),
    Fault("the Ray head (`up` starts another)", _kill_ray),
    Fault("everything at once, `up` included, then `up` again", _kill_everything),
)
"""In this order on one shop; the last ones replace its processes altogether."""
