"""`pearshop up` as a newcomer sees it: from the first line to Ctrl-C, and again the next day."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from pearshop.db.embedded_server import free_port
from tests.e2e.conftest import PASSWORD, STAFF_PASSWORD, START_S, Shop, pearshop
from tests.waiting import wait_for

MEMBERS = {
    *("api_url", "dashboard_url", "database_url", "redis_url", "replica_urls"),
    *("monitor_urls", "pids", "staff_username"),
}


def _up(state: Path, port: int, *options: str) -> "subprocess.Popen[str]":
    environment = {k: v for k, v in os.environ.items() if k != "PEARSHOP_STAFF_PASSWORD"}
    # Whoever has used Ray before has a token, which Ray then asks everyone for.
    token = state.parent / "home" / ".ray" / "auth_token"
    token.parent.mkdir(parents=True, exist_ok=True)
    token.write_text("ab" * 32)
    environment["HOME"] = str(state.parent / "home")
    command = [sys.executable, "-m", "pearshop.cli", "up", f"--port={port}"]
    return subprocess.Popen(
        [*command, f"--state-dir={state}", *options],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _read_until_ready(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("PearShop is ready"):
            return "".join(lines)
    raise AssertionError("".join(lines))


def _processes_of(state: Path, run: dict[str, object]) -> list[psutil.Process]:
    """Return what still runs of a shop: its processes and all that name its folders."""
    from pearshop.launcher.state import StateFolder

    marks = (str(state), str(StateFolder(state).runtime))
    pids = set(run["pids"].values())  # type: ignore[attr-defined]
    return [
        process
        for process in psutil.process_iter(["pid", "cmdline"])
        if process.pid in pids
        or any(mark in word for word in process.info["cmdline"] or () for mark in marks)
    ]


def test_up_ctrl_c_and_up_again(own_folder: Path) -> None:
    state, port = own_folder / "launch", free_port()
    first = _up(state, port)
    said = _read_until_ready(first)
    run = json.loads((state / "run.json").read_text())
    assert set(run) == MEMBERS
    assert run["api_url"] in said
    assert f"{run['api_url']}/docs" in said
    assert run["dashboard_url"] in said
    password = (state / "staff-password").read_text().strip()
    assert password in said
    assert (state / "staff-password").stat().st_mode & 0o777 == 0o600
    with httpx.Client(base_url=run["api_url"], timeout=30) as http:
        assert len(http.get("/api/product/").json()) > 10  # the demo catalogue
        login = {"username": run["staff_username"], "password": password}
        assert http.post("/api/login/", json=login).status_code == 200
        ada = {"username": "ada", "password": PASSWORD}
        assert http.post("/api/register/", json=ada).status_code == 201
    first.send_signal(signal.SIGINT)
    assert first.wait(START_S) == 0
    assert _processes_of(state, run) == []
    assert not (state / "run.json").exists()

    second = _up(state, port, "--monitoring")
    try:
        said = _read_until_ready(second)
        run = json.loads((state / "run.json").read_text())
        with httpx.Client(base_url=run["api_url"], timeout=30) as http:
            assert http.post("/api/login/", json=ada).status_code == 200  # yesterday's data
        if prometheus := run["monitor_urls"].get("Prometheus"):
            assert prometheus in said
            _watched_by(prometheus, state, run)
        else:
            assert "Prometheus is not installed: apt-get install prometheus." in said
    finally:
        stopped = pearshop("down", f"--state-dir={state}")
        assert stopped.returncode == 0, stopped.stderr
        second.wait(START_S)
    assert _processes_of(state, run) == []
    if prometheus is None:
        pytest.skip("all but monitoring was tested, for that needs apt-get install prometheus")


def test_up_starts_though_the_ingress_dies_over_its_start(own_folder: Path) -> None:
    state = own_folder / "ingress"
    starting = _up(state, free_port(), "--no-demo")
    try:
        wait_for(lambda: _ingress_of(starting), "HAProxy's manager", START_S)
        _ingress_of(starting)[0].kill()
        _read_until_ready(starting)
    finally:
        starting.send_signal(signal.SIGINT)
        assert starting.wait(START_S) == 0


def _ingress_of(up: "subprocess.Popen[str]") -> list[psutil.Process]:
    """Return the processes that manage HAProxy, below those that `up` has started."""
    below = psutil.Process(up.pid).children(recursive=True)
    return [each for each in below if "HAProxyManager" in _title(each)]


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has just ended
        return ""


def _watched_by(prometheus: str, state: Path, run: dict[str, Any]) -> None:
    """Check that Prometheus sees this shop and no other, and that Ray and `status` know of it."""

    def value(query: str) -> float:
        answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": query}, timeout=10)
        found = answer.json()["data"]["result"]
        return float(found[0]["value"][1]) if found else 0

    def lookups() -> bool:
        httpx.get(f"{run['api_url']}/api/product/", timeout=30)
        return value("sum(ray_pearshop_cache_lookups_total)") > 0

    wait_for(lambda: value('min(up{job="ray"})') and value('up{job="haproxy"}'), "targets")
    wait_for(lookups, "a metric of the shop")
    assert value('count(count by (SessionName) ({job="ray",SessionName!=""}))') == 1
    rules = httpx.get(f"{prometheus}/api/v1/rules", timeout=10).json()["data"]["groups"]
    assert "ShopNotReady" in {rule["name"] for group in rules for rule in group["rules"]}
    health = httpx.get(f"{run['dashboard_url']}/api/prometheus_health", timeout=10)
    assert (health.status_code, health.json()["msg"]) == (200, "prometheus running")
    told = pearshop("status", f"--state-dir={state}", COLUMNS="200")
    assert "prometheus" in told.stdout


@pytest.mark.parametrize("busy", ["folder", "port"])
def test_what_is_in_use_is_one_clear_line(shop: Shop, own_folder: Path, busy: str) -> None:
    port = int(shop.run["api_url"].rpartition(":")[2])
    state = shop.state if busy == "folder" else own_folder / "other"
    refused = pearshop("up", f"--state-dir={state}", f"--port={port}")
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert ("in use by process" if busy == "folder" else f"Port {port}") in refused.stderr


def test_a_running_shop_is_healthy(shop: Shop) -> None:
    told = pearshop("status", f"--state-dir={shop.state}", COLUMNS="200")
    assert told.returncode == 0, told.stdout + told.stderr
    deployments = ("deployment Api", "deployment Database", "deployment Webhooks")
    for part in (*deployments, "cart host 0", "database", "redis"):
        assert part in told.stdout


def test_staff_can_be_created_in_a_running_shop(shop: Shop) -> None:
    made = pearshop("create-staff", "second-in-command", f"--state-dir={shop.state}")
    assert made.returncode == 0, made.stderr
    staff = shop.sign_in("second-in-command", STAFF_PASSWORD)
    assert staff.get("/api/order/").status_code == 200
