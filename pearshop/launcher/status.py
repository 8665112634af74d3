"""`pearshop status`: is each part of the shop healthy, and if not, why."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pearshop.db.engine import make_engine
from pearshop.db.execute import execute
from pearshop.db.placement import Pulse, pulse
from pearshop.db.replicas import Replicas, State
from pearshop.errors import PearShopError
from pearshop.launcher.config import ADMIN, APPLICATION, WEB_APP
from pearshop.launcher.dashboard import Dashboard
from pearshop.launcher.monitoring import HEALTH, answers
from pearshop.launcher.servers import check_database
from pearshop.launcher.state import Run
from pearshop.settings import Settings

NAMESPACE = "pearshop"
HOST_PREFIX = "cart-host-"
JUDGE_S = 2.5
"""How long a read replica has to show that it is close behind its primary."""


@dataclass(frozen=True)
class Part:
    """One line of the report."""

    name: str
    healthy: bool
    detail: str


def report(run: Run) -> list[Part]:
    """Return the state of every part. Never raises for a part that is ill."""
    dashboard = Dashboard(run.dashboard_url)
    parts = _guarded("ray serve", lambda: _deployments(dashboard))
    parts += _guarded("cart hosts", lambda: _hosts(dashboard, run.database_url))
    parts += _guarded("database", lambda: _database(run.database_url))
    parts += replica_parts(run.database_url, run.replica_urls)
    parts += _guarded("redis", lambda: _redis(run.redis_url))
    parts += [_monitor(name, url) for name, url in run.monitor_urls.items()]
    return parts


def deployment_parts(name: str, application: dict[str, Any]) -> list[Part]:
    """Return an application and its deployments, as Serve tells of them."""
    parts = [_part(name, application, "RUNNING", "")]
    for deployment, found in application.get("deployments", {}).items():
        running = sum(replica["state"] == "RUNNING" for replica in found["replicas"])
        replicas = f"{running} of {found['target_num_replicas']} replicas"
        parts.append(_part(f"deployment {deployment}", found, "HEALTHY", replicas))
    return parts


def host_parts(actors: list[dict[str, Any]], wanted: int) -> list[Part]:
    """Return the cart hosts: one for each that is wanted, there or not."""
    states: dict[str, dict[str, Any]] = {}
    for actor in actors:
        # Its dead predecessors, and those of earlier releases, have the same number.
        number, _, _ = actor["name"].removeprefix(HOST_PREFIX).partition("-")
        if actor["name"].startswith(HOST_PREFIX) and (
            number not in states or actor["state"] == "ALIVE"
        ):
            states[number] = actor
    parts = []
    for number in map(str, range(wanted)):
        found = states.get(number)
        name = f"cart host {number}"
        if found is None:
            parts.append(Part(name, False, "not started"))
        else:
            alive = found["state"] == "ALIVE"
            detail = f"process {found['pid']}" if alive else f"{found['state']}"
            parts.append(Part(name, alive, detail))
    return parts


def replica_parts(database_url: str, replica_urls: str) -> list[Part]:
    """Return the read replicas, judged as the `Database` deployment judges them."""
    replicas = Replicas(Settings(database_url=database_url, database_replica_urls=replica_urls))
    replicas.start()
    try:
        states = _settled(replicas)
    finally:
        replicas.close()
    return [
        Part(f"replica {number}", state.used, f"{state.address} {state.says}")
        for number, state in enumerate(states)
    ]


def _settled(replicas: Replicas) -> list[State]:
    """Return the states of replicas once all are used, or the time to judge them is over."""
    deadline = time.monotonic() + JUDGE_S
    while True:
        states = replicas.states()
        if all(state.used for state in states) or time.monotonic() > deadline:
            return states
        time.sleep(JUDGE_S / 50)


def _part(name: str, found: dict[str, Any], good: str, detail: str) -> Part:
    status = found.get("status", "not deployed")
    words = [status.lower(), detail, " ".join(found.get("message", "").split())]
    return Part(name, status == good, ", ".join(word for word in words if word))


def _guarded(name: str, look: Callable[[], list[Part]]) -> list[Part]:
    try:
        return look()
    except PearShopError as error:
        return [Part(name, False, str(error))]


def _deployments(dashboard: Dashboard) -> list[Part]:
    found = dashboard.applications()
    return [
        part
        for name in (APPLICATION, ADMIN, WEB_APP)
        for part in deployment_parts(name, found.get(name, {}))
    ]


def _hosts(dashboard: Dashboard, database_url: str) -> list[Part]:
    return host_parts(dashboard.actors(NAMESPACE), wanted_hosts(database_url))


def wanted_hosts(database_url: str) -> int:
    """Return how many cart hosts there should be just now: it changes with the load.

    Raises `PearShopError` when the database does not answer.
    """
    check_database(database_url)
    engine = make_engine(Settings(database_url=database_url), pool_size=1)
    try:
        found: Pulse = execute(engine, pulse, (None,), {}).result()
        return found.placement.hosts
    finally:
        engine.dispose()


def _database(url: str) -> list[Part]:
    check_database(url)
    return [Part("database", True, "answers")]


def _monitor(name: str, url: str) -> Part:
    healthy = answers(url + HEALTH[name])
    return Part(name.lower(), healthy, f"answers at {url}" if healthy else "does not answer")


def _redis(url: str) -> list[Part]:
    import redis

    with redis.Redis.from_url(url, socket_timeout=3.0, socket_connect_timeout=3.0) as client:
        try:
            client.ping()
        except redis.RedisError as error:
            return [
                Part("redis", False, f"degraded: does not answer, so the shop is slower: {error}")
            ]
    return [Part("redis", True, "answers")]
