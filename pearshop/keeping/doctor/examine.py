"""All looks, at a shop that is up or not."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2

from pearshop.errors import ConfigurationError, Unavailable
from pearshop.keeping.doctor.configuration import judge_settings
from pearshop.keeping.doctor.database import judge_database
from pearshop.keeping.doctor.finding import Finding, fail, ok, warn
from pearshop.keeping.doctor.machine import (
    judge_disk,
    judge_nodes,
    judge_ports,
    judge_redis,
    judge_versions,
    listening,
)
from pearshop.launcher import config
from pearshop.launcher.dashboard import Dashboard
from pearshop.launcher.database import database
from pearshop.launcher.processes import session_members
from pearshop.launcher.state import Run, StateFolder
from pearshop.settings import Settings


def examine(state_dir: Path) -> Iterator[Finding]:
    """Yield what is found, part by part. Nothing is made or changed.

    An embedded server that is not up runs for the time of its look. Never raises for what is ill.
    """
    yield from judge_versions()
    state, run = state_dir.resolve(), None
    if state.is_dir():
        folder = StateFolder(state)
        with contextlib.suppress(ConfigurationError):
            run = folder.read_run() if folder.holder() is not None else None
    settings = Settings()
    parts = urlsplit(run.api_url if run else "")
    yield from judge_settings(settings, state, parts.hostname or "")
    yield judge_disk("state folder's disk", next(x for x in (state, *state.parents) if x.exists()))
    yield from _database(settings, state, run)
    yield from _redis(settings, run)
    yield from _cluster(run, parts.port or 0)


def connections(settings: Settings) -> tuple[int, int]:
    """Return how many connections the shop opens at most: in steady state, and amid a deploy."""
    description = config.load("127.0.0.1", 8000)
    deployments = [each for app in description["applications"] for each in app["deployments"]]
    found = next(each for each in deployments if each["name"] == "Database")
    scaling: dict[str, Any] = found.get("autoscaling_config") or {}
    replicas = int(scaling.get("max_replicas") or found.get("num_replicas") or 1)
    steady = replicas * settings.database_pool_size + 1
    return steady, 2 * steady - 1


def _database(settings: Settings, state: Path, run: Run | None) -> Iterator[Finding]:
    steady, needed = connections(settings)
    if run is None and not settings.database_url and not (state / "postgres" / "data").exists():
        yield ok("PostgreSQL", "none yet: `pearshop up` makes one")
        return
    try:
        with database(state) as url:
            yield from judge_database(url, needed, steady)
    except (ConfigurationError, psycopg2.Error) as error:
        yield fail("PostgreSQL", " ".join(str(error).split()), "see its log.")


def _redis(settings: Settings, run: Run | None) -> Iterator[Finding]:
    url = run.redis_url if run else settings.redis_url
    if url:
        yield from judge_redis(url)
    else:
        yield ok("Redis", "embedded: `pearshop up` starts it")


def _cluster(run: Run | None, api_port: int) -> Iterator[Finding]:
    if run is None:
        yield ok("shop", "not up here: ports and nodes were not looked at")
        return
    yield ok("shop", f"up at {run.api_url}")
    sessions = [run.pids[name] for name in ("ray", "postgres", "redis") if name in run.pids]
    yield judge_ports(listening(session_members(sessions)), api_port)
    try:
        yield from judge_nodes(Dashboard(run.dashboard_url).node_clocks(), time.time())
    except Unavailable as error:
        yield warn("nodes", str(error), "see `pearshop status`.")
