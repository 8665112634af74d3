"""A cluster of several machines on one: each node in a network namespace of its own.

Nodes have addresses, ports and loopbacks of their own, and a cable that can be pulled. The database
is reached through a Unix socket, which namespaces do not part: so a node that is cut off from all
others still reaches it, the worst kind of partition.
"""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from pearshop.db.embedded import DATABASE, EmbeddedPostgres
from pearshop.db.engine import make_engine
from pearshop.launcher import config
from pearshop.launcher.cluster import Cluster, environment
from pearshop.launcher.database import migrated
from pearshop.launcher.seed import seed
from pearshop.launcher.state import Run, StateFolder
from pearshop.settings import Settings
from tests.faults.plant import Node, Plant, join
from tests.waiting import wait_for

PORT = 8000
STAFF = "staff"
JOINS_S = 60.0


def can_part() -> bool:
    """Return whether network namespaces can be made here."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"pear-{secrets.token_hex(3)}"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if done.returncode == 0:
        _ip("netns", "delete", name)
    return done.returncode == 0


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


class Island:
    """A network namespace, its address, and the cable that leads to it."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self.cable = f"{name}-c"

    def within(self, *command: str) -> list[str]:
        """Return a command line that runs another one there."""
        return ["ip", "netns", "exec", self.name, *command]

    def pull(self) -> None:
        """Cut it off from everything."""
        _ip("link", "set", self.cable, "down")

    def plug(self) -> None:
        """Connect it again."""
        _ip("link", "set", self.cable, "up")


@contextmanager
def islands(count: int) -> Iterator[list[Island]]:
    """Make namespaces on one bridge of this machine, and remove them at the end."""
    mark = secrets.token_hex(2)
    bridge = f"pear{mark}"
    network = f"10.213.{secrets.randbelow(256)}"
    with ExitStack() as stack:
        _ip("link", "add", bridge, "type", "bridge")
        stack.callback(_ip, "link", "delete", bridge)
        _ip("address", "add", f"{network}.1/24", "dev", bridge)
        _ip("link", "set", bridge, "up")
        made = []
        for number in range(count):
            island = Island(f"p{mark}{number}", f"{network}.{number + 2}")
            _ip("netns", "add", island.name)
            stack.callback(_ip, "netns", "delete", island.name)
            inner = f"{island.name}-i"
            _ip("link", "add", island.cable, "type", "veth", "peer", "name", inner)
            _ip("link", "set", inner, "netns", island.name)
            _ip("link", "set", island.cable, "master", bridge, "up")
            inside = ("-n", island.name)
            _ip(*inside, "address", "add", f"{island.address}/24", "dev", inner)
            for each in (inner, "lo"):
                _ip(*inside, "link", "set", each, "up")
            made.append(island)
        yield made


class _Postgres(EmbeddedPostgres):
    """It listens on a Unix socket, too."""

    def _command(self, port: int) -> list[str]:
        folder = self.directory / "socket"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
        self.socket_url = (
            f"postgresql://postgres:{self._password}@/{DATABASE}?host={folder}&port={port}"
        )
        return [*super()._command(port), f"--unix_socket_directories={folder}"]


class _Head(Cluster):
    """A Ray head on an island."""

    def __init__(self, island: Island, runtime: Path, variables: dict[str, str]) -> None:
        super().__init__(runtime, variables)
        self._island = island

    def _launch(self, port: int) -> None:
        super()._launch(port)
        self.dashboard_url = f"http://{self._island.address}:{port}"

    def _command(self, dashboard_port: int) -> list[str]:
        command = [
            self._island.address if each == "127.0.0.1" else each
            for each in super()._command(dashboard_port)
        ]
        return self._island.within(*command)


class DistantNode(Node):
    """A worker node on an island of its own."""

    def __init__(self, head: psutil.Process, address: str, island: Island, folder: Path) -> None:
        self.island = island
        self._address = address
        # Two HAProxies on one disk: the files have to differ.
        own = folder / island.name
        own.mkdir(exist_ok=True)
        files = {
            name: str(own / Path(value).name) if value != str(folder) else str(own)
            for name, value in head.environ().items()
            if name.startswith("RAY_SERVE_HAPROXY_") and value.startswith(str(folder))
        }
        command = join(address, "--node-ip-address", island.address)
        super().__init__(island.within(*command), head.environ() | files)

    def drain(self, node_id: str, seconds: int) -> None:
        """Have Ray move away what can be moved, as for a machine that will be taken away."""
        command = (sys.executable, "-m", "ray.scripts.scripts", "drain-node")
        why = ("--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "a test")
        until = ("--deadline-remaining-seconds", str(seconds))
        subprocess.run(
            [*command, "--address", self._address, "--node-id", node_id, *why, *until],
            check=True,
            capture_output=True,
        )


class Archipelago(Plant):
    """A shop on a Ray cluster of its own making: a head on the first island."""

    def __init__(self, state: Path, shore: list[Island], variables: dict[str, str]) -> None:
        super().__init__(state, PORT, variables)
        self._head_island, *self.free = shore
        self._folder = StateFolder(state)
        self._postgres = _Postgres(state / "postgres")
        self._cluster = _Head(self._head_island, self._folder.make_runtime(), {})

    @property
    def url(self) -> str:
        """The API's address at the head."""
        return f"http://{self._head_island.address}:{PORT}"

    def up(self) -> None:
        """Start PostgreSQL and the head, and deploy the shop, as README tells operators to."""
        self._postgres.start()
        database_url = self._postgres.socket_url
        migrated(Settings(database_url=database_url).database_url)
        engine = make_engine(Settings(database_url=database_url), pool_size=1)
        seed(engine, Settings(), STAFF, self._folder.secret("staff-password"), demo=False)
        engine.dispose()
        variables = environment(
            self._folder.runtime,
            {
                "PEARSHOP_DATABASE_URL": database_url,
                "PEARSHOP_REDIS_URL": "",
                "PEARSHOP_RATE_LIMITS": "off",
                "PEARSHOP_API_URL": self.url,
                "PEARSHOP_SIGNING_KEY": self._folder.secret("signing-key"),
                "PEARSHOP_MEDIA_URL": str(self.state / "media"),
                **self.environment,
            },
        )
        self._cluster = _Head(self._head_island, self._folder.runtime, variables)
        self._cluster.start()
        self._cluster.deploy(config.load("0.0.0.0", PORT), self.url)
        assert self._cluster.pid
        pids = {"ray": self._cluster.pid}
        dashboard = self._cluster.dashboard_url
        self._folder.write_run(Run(self.url, dashboard, database_url, "", pids, STAFF))

    def down(self) -> None:
        """Stop it."""
        self._cluster.stop()
        self._postgres.stop()

    def describe(self) -> dict[str, Any]:
        """Return what is deployed."""
        return config.load("0.0.0.0", PORT)

    @contextmanager
    def distant_node(self) -> Iterator[DistantNode]:
        """Join a node on the next island for the time of the block, and kill it at the end."""
        head = psutil.Process(self.run.pids["ray"])  # which `ip netns exec` became
        command = head.cmdline()
        address = f"{self._head_island.address}:{command[command.index('--port') + 1]}"
        folder = self._folder.runtime / "h"
        node = DistantNode(head, address, self.free[0], folder)
        try:
            wait_for(lambda: self.node_of(node), "the node to join", JOINS_S)
            yield node
        finally:
            node.island.plug()
            node.kill()

    def node_of(self, node: DistantNode) -> str:
        """Return Ray's id of a node that is alive, "" when it is not."""
        return next(
            (
                str(each["node_id"])
                for each in self.nodes()
                if each["node_ip"] == node.island.address
            ),
            "",
        )
