"""A cluster of several machines: one joins, is drained, or is cut off while shoppers shop.

Each node has a network namespace of its own; that takes root and Debian's `iproute2`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pearshop.actors.ray_host import NAMESPACE
from pearshop.launcher.dashboard import Dashboard
from tests.faults.conftest import SETTINGS
from tests.faults.faults import STARTS_S, Fault
from tests.faults.islands import Archipelago, DistantNode, can_part, islands
from tests.faults.plant import Plant, bound_hosts, deployment_of
from tests.faults.shoppers import Load
from tests.faults.table import Row
from tests.faults.test_faults import SHORT, harm
from tests.waiting import wait_for

pytestmark = pytest.mark.skipif(not can_part(), reason="needs root and network namespaces")
HOSTS = 4
DRAIN_S = 60


@pytest.fixture(scope="module")
def archipelago(own_folder: Path) -> Iterator[Archipelago]:
    """A shop on the first of two islands."""
    with islands(2) as shore:
        made = Archipelago(own_folder / "nodes", shore, SETTINGS)
        try:
            made.up()
            yield made
        finally:
            made.down()


def _spread(shop: Archipelago, node: DistantNode) -> None:
    """Have a replica of each kind and a cart host on the node."""

    def describe(application: dict[str, Any]) -> None:
        bound_hosts(application, HOSTS, HOSTS)
        for name in ("Api", "Database"):
            deployment = deployment_of(application, name)
            deployment["autoscaling_config"] |= {"min_replicas": 3, "max_replicas": 3}
            deployment["max_replicas_per_node"] = 2

    def is_there() -> bool:
        parts = ("Api replica", "Database replica", "cart host")
        return all(node.processes(part) for part in parts)

    shop.deploy(describe)
    wait_for(is_there, "replicas and a cart host on the node", STARTS_S)


def _gather(shop: Archipelago) -> None:
    """Have one cart host again, and the replicas of before."""
    shop.set_hosts(1)
    wait_for(lambda: len(shop.processes("cart host")) == 1, "the hosts of before to end", STARTS_S)


def _join_and_drain(shop: Archipelago, load: Load) -> None:
    with shop.distant_node() as node:
        _spread(shop, node)
        load.await_acknowledged(5)
        node.drain(shop.node_of(node), DRAIN_S)
        shop.set_hosts(1)
        wait_for(lambda: not node.processes("Api replica"), "replicas to leave the node", STARTS_S)
        load.await_acknowledged(5)
    _gather(shop)


def _cut_off(shop: Archipelago, load: Load) -> None:
    """Pull the cable of a node whose hosts still reach the database, and plug it in again."""
    with shop.distant_node() as node:
        _spread(shop, node)
        load.await_acknowledged(5)
        distant = {each.pid for each in node.processes("cart host")}
        node.island.pull()
        wait_for(lambda: not shop.node_of(node), "Ray to give the node up", STARTS_S)
        load.await_acknowledged(5)
        wait_for(lambda: not distant & _alive_hosts(shop), "its hosts to be elsewhere", STARTS_S)
        node.island.plug()
        load.await_acknowledged(5)
    _gather(shop)


def _alive_hosts(shop: Archipelago) -> set[int]:
    actors = Dashboard(shop.run.dashboard_url).actors(NAMESPACE)
    return {int(each["pid"]) for each in actors if each["state"] == "ALIVE"}


def _on(shop: Archipelago, strike: Callable[[Archipelago, Load], None]) -> Any:
    return lambda _plant, load: strike(shop, load)


@pytest.mark.parametrize(
    ("name", "strike"),
    [
        pytest.param("a node joins and is drained", _join_and_drain, marks=pytest.mark.long),
        ("a node is cut off, its hosts still reach PostgreSQL", _cut_off),
    ],
    ids=("drained", "cut off"),
)
def test_nodes_come_and_go(
    archipelago: Archipelago,
    rows: list[Row],
    name: str,
    strike: Callable[[Archipelago, Load], None],
) -> None:
    plant: Plant = archipelago
    harm(plant, Fault(name, _on(archipelago, strike)), rows, *SHORT)
