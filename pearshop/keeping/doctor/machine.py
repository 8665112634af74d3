"""This machine and its processes: versions, clocks, disks, ports, Redis."""

import contextlib
import importlib.metadata
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import psutil
import redis

from pearshop.keeping.doctor.finding import Finding, fail, ok, warn

PYTHONS = ((3, 11), (3, 14))
RAY = "2.60.0"
OLDEST_REDIS = (6, 2)
CLOCK_WARN_S, CLOCK_FAIL_S = 0.5, 5.0
"""Apart by more than the second, tokens and orders are dated wrongly for all to see."""
DISK_WARN, DISK_FAIL = 2 << 30, 256 << 20
NODE_AGE_S = 15.0
"""How old what a node's agent told may be; only a clock that is further off is seen to be."""
TIMEOUT_S = 3.0


def judge_versions() -> Iterator[Finding]:
    """Yield whether Python and Ray are those that the shop is made for."""
    here = sys.version_info[:2]
    said = f"{here[0]}.{here[1]}"
    if PYTHONS[0] <= here <= PYTHONS[1]:
        yield ok("Python", said)
    else:
        yield fail("Python", said, "use one from 3.11 to 3.14.")
    found = importlib.metadata.version("ray")
    if found == RAY:
        yield ok("Ray", found)
    else:
        yield fail("Ray", f"{found}, the shop is made for {RAY}", "install requirements.lock.")


def judge_clock(name: str, there: float, before: float, after: float) -> Finding:
    """Return how far another clock is off, read between two looks at this one. Seconds of 1970."""
    off = max(there - after, before - there, 0.0)
    if off > CLOCK_FAIL_S:
        return fail(name, f"{off:.1f} s off this machine's", "run chrony or ntpd on both.")
    if off > CLOCK_WARN_S:
        return warn(name, f"{off:.1f} s off this machine's", "run chrony or ntpd on both.")
    return ok(name, "as this machine's")


def judge_disk(name: str, folder: Path) -> Finding:
    """Return whether the disk of a folder has room."""
    usage = shutil.disk_usage(folder)
    says = f"{usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB free at {folder}"
    if usage.free < DISK_FAIL:
        return fail(name, says, "make room now: PostgreSQL stops on a full disk.")
    if usage.free < DISK_WARN:
        return warn(name, says, "make room, or move it to a larger disk.")
    return ok(name, says)


def judge_redis(url: str) -> Iterator[Finding]:
    """Yield whether Redis answers, its version and its clock."""
    with redis.Redis.from_url(
        url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
    ) as client:
        try:
            version = str(client.info("server")["redis_version"])
            began = time.time()
            seconds, micros = client.time()
        except redis.RedisError as error:
            yield warn(
                "Redis",
                f"does not answer: {error}",
                "start it, or see PEARSHOP_REDIS_URL: without it the shop is slower.",
            )
            return
    known = tuple(int(each) for each in version.split(".")[:2])
    if known < OLDEST_REDIS:
        yield warn("Redis", f"version {version}", "use 6.2 or newer.")
    else:
        yield ok("Redis", f"version {version}")
    yield judge_clock("Redis's clock", seconds + micros / 1e6, began, time.time())


class Listening(NamedTuple):
    """A port that a process of the shop listens on."""

    host: str
    port: int
    program: str


def listening(processes: Iterable[psutil.Process]) -> list[Listening]:
    """Return what processes listen on beyond this machine's loopback."""
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.Error):
            for each in process.net_connections(kind="tcp"):
                if each.status == psutil.CONN_LISTEN and not _is_loopback(each.laddr.ip):
                    found.add(Listening(each.laddr.ip, each.laddr.port, process.name()))
    return sorted(found, key=lambda each: each.port)


def judge_ports(open_ones: Iterable[Listening], api_port: int) -> Finding:
    """Return whether others than the API listen where strangers may reach them."""
    others = [each for each in open_ones if each.port != api_port]
    if not others:
        return ok("open ports", "none but the API's")
    shown = ", ".join(f"{each.port} ({each.program.split(' ')[0]})" for each in others)
    return warn(
        "open ports",
        f"on every interface: {shown}",
        "keep all but the API's port behind a firewall: whoever reaches Ray can run code.",
    )


def judge_nodes(nodes: Iterable[tuple[str, float]], now: float) -> Iterator[Finding]:
    """Yield how far the clocks of Ray's nodes are off, by what their agents told of late."""
    for address, told in nodes:
        off = abs(now - told)
        if off > NODE_AGE_S:
            yield fail(
                f"clock of {address}",
                f"{off:.0f} s off, or its agent is silent as long",
                "run chrony or ntpd there, and see `ray status`.",
            )
        else:
            yield ok(f"clock of {address}", f"within {NODE_AGE_S:.0f} s")


def _is_loopback(host: str) -> bool:
    return ip_address(host.partition("%")[0].removeprefix("::ffff:")).is_loopback
