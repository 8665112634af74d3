"""The one place that turns `CartHost` into a Ray actor, and the way to reach such actors."""

import asyncio
import contextlib
import logging
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import ray
from ray.exceptions import RayError

from pearshop.actors.channel import SUPPORTED, Broken, Channel, Listener
from pearshop.actors.host import CartHost, HostLimits
from pearshop.actors.host_telemetry import report, traced
from pearshop.actors.messages import Call, Moved, Reply
from pearshop.actors.ray_database import RayDatabase, own_node
from pearshop.actors.store import DatabaseCartStore
from pearshop.db.placement import Placement
from pearshop.domain.scaling import Reading
from pearshop.errors import Unavailable
from pearshop.settings import settings
from pearshop.telemetry import metrics
from pearshop.telemetry.reporting import PERIOD_S, Reporter
from pearshop.telemetry.start import start_actor
from pearshop.telemetry.traces import TRACES

logger = logging.getLogger(__name__)

NAMESPACE = "pearshop"
NAME_PREFIX = "cart-host-"
ABANDONED_S = 60.0
"""A host that no `Api` replica has called or greeted for so long ends itself."""
RETIRED_S = 10.0
"""A host that has no carts sends latecomers on, and ends itself when none came for so long."""
WATCH_S = 1.0
GREET_S = 5.0
"""How long a host may take to answer a greeting."""
HUNG = 3
"""Greetings in a row without an answer after which a host is killed; Ray starts it again."""
CPUS = 0.1
"""What Ray reserves for a host, as for a replica: a node that carries one is not idle."""
CONCURRENCY = 1_000
"""Batches one host takes at once; far above what the replicas' batchers send."""


def host_name(number: int, release: str) -> str:
    """Return the name of the Ray actor that is host `number` of a release."""
    return f"{NAME_PREFIX}{number}-{release}"


class CartHostActor:
    """A `CartHost` in a process of its own, named, and restarted by Ray when it dies.

    It is detached, so that it outlives the replica that made it; in turn it ends itself when its
    shop is gone or another process has taken its place. Calls come through Ray, or from processes
    of the same node by a channel.
    """

    def __init__(self, number: int, name: str) -> None:
        configured = settings()
        start_actor(configured, name)
        self._name = name
        self._host = CartHost(
            DatabaseCartStore(RayDatabase.connect(configured.request_timeout), number, name),
            HostLimits(
                configured.cart_idle_seconds,
                configured.cart_hot_limit,
                configured.cart_mailbox_limit,
            ),
        )
        self._began_at = self._called_at = time.monotonic()
        self._living: asyncio.Task[None] | None = None
        self._reporting: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._address = Address(own_node(), secrets.token_hex(8))
        # A thread: an actor that Ray has started again gets no call if nobody needs it any more.
        threading.Thread(target=self._watch, daemon=True).start()

    async def execute(self, epoch: int, calls: Sequence[Call]) -> list[Reply]:
        """See `CartHost.execute`."""
        self._heard()
        if TRACES.are_told:
            return await traced(self._host, epoch, calls)
        return await self._host.execute(epoch, calls)

    async def is_ready(self) -> bool:
        """Return whether it may answer for its carts at this moment."""
        return self._host.lease.is_good

    async def greet(self) -> "Address":
        """Hear that the shop is still there; return where this process listens."""
        self._heard()
        if self._listening is None and SUPPORTED:
            listener = Listener(lambda message: self.execute(*message))
            self._listening = asyncio.create_task(listener.listen(self._address.name))
        if self._listening is not None:
            await asyncio.shield(self._listening)
        return self._address

    def _heard(self) -> None:
        self._called_at = time.monotonic()
        if self._living is None:
            self._living = asyncio.create_task(self._host.live())
            self._reporting = asyncio.create_task(self._report())

    async def _report(self) -> None:
        """Tell Ray how it goes, for as long as the process lives."""
        reporter = Reporter()
        reporter.add(metrics.HOST_STARTS, 1)
        while True:
            report(reporter, self._host)
            await asyncio.sleep(PERIOD_S)

    async def stats(self) -> dict[str, int]:
        """See `CartHost.stats`; with the processor time and the age of this process in ms."""
        cpu, age = time.process_time(), time.monotonic() - self._began_at
        return self._host.stats() | {"cpu_ms": int(cpu * 1e3), "age_ms": int(age * 1e3)}

    def _watch(self) -> None:
        """End this process for good once it is of no use."""
        useful_at = time.monotonic()
        while True:
            time.sleep(WATCH_S)
            now = time.monotonic()
            if not self._host.lease.is_over:
                useful_at = now
            elif self._is_superseded_by_itself():
                os._exit(1)  # the actor is to live; this process is not the one that Ray started
            silent = now - self._called_at
            if (now - useful_at > RETIRED_S and silent > RETIRED_S) or silent > ABANDONED_S:
                # `exit_actor` counts only within a call, and a useless host gets none.
                ray.kill(ray.get_runtime_context().current_actor)

    def _is_superseded_by_itself(self) -> bool:
        successor = self._host.lease.successor
        return successor is not None and successor.actor == self._name


class Address(NamedTuple):
    """The node that a host's process runs on, and the name under which it listens there."""

    node: str
    name: str


class RayHosts:
    """Cart hosts as named Ray actors, of one release of the code.

    Ray starts them and knows which process is which; it is asked for their addresses. Those on
    this node are then called by a channel, the others through Ray.
    """

    def __init__(self, release: str) -> None:
        self._release = release
        self._node = own_node()
        self._actors: dict[str, Any] = {}
        self._channels: dict[str, tuple[Address, Channel]] = {}
        self._silences: Counter[str] = Counter()

    async def execute(self, actor: str, epoch: int, calls: Sequence[Call]) -> list[Reply]:
        """Have a host carry out calls. Raises `Unavailable` when it does not answer."""
        try:
            handle = self._find(actor)
        except ValueError:
            return [Moved()] * len(calls)
        _, channel = self._channels.get(actor, (None, None))
        try:
            if channel is not None and channel.is_open:
                return cast("list[Reply]", await channel.call((epoch, calls)))
            return cast("list[Reply]", await handle.execute.remote(epoch, calls))
        except (RayError, Broken) as error:
            self._actors.pop(actor, None)
            raise Unavailable("A cart host does not answer.", unknown=True) from error

    async def is_ready(self, actor: str) -> bool:
        """Return whether a host may answer for its carts. Raises `Unavailable`."""
        try:
            return bool(await self._find(actor).is_ready.remote())
        except (RayError, ValueError) as error:
            raise Unavailable("A cart host does not answer.") from error

    async def greet(self, placement: Placement) -> None:
        """Tell the hosts that the shop is there; start those that this release needs.

        A replica of another release starts none: the hosts of the new one take over by claiming
        their numbers, and the old ones serve until then.
        """
        names = set(placement.actors) - {""}
        if placement.release == self._release:
            wanted = {host_name(each, self._release): each for each in range(placement.hosts)}
            names |= wanted.keys()
            for name, number in wanted.items():
                if name not in self._actors:
                    self._actors[name] = _start(number, name)
        await asyncio.gather(*(self._greet(name) for name in names))
        for name in self._actors.keys() - names:
            del self._actors[name]
        for name in self._channels.keys() - names:
            self._channels.pop(name)[1].retire()

    async def read(self, actors: Sequence[str]) -> dict[str, Reading]:
        """Return what those hosts tell of themselves who answer."""
        readings = await asyncio.gather(*(self._read(name) for name in actors))
        return {
            name: reading
            for name, reading in zip(actors, readings, strict=True)
            if reading is not None
        }

    async def _read(self, name: str) -> Reading | None:
        try:
            stats = await asyncio.wait_for(self._find(name).stats.remote(), GREET_S)
            return Reading(*(stats[each] for each in Reading._fields))
        except (RayError, ValueError, KeyError, TimeoutError):  # a KeyError: of an older release
            return None

    async def prepare(self, numbers: Sequence[int]) -> int:
        """Have processes for further host numbers; return how many, from the first, are ready.

        One that is not wanted in the end retires by itself.
        """
        ready = await asyncio.gather(*(self._is_ready(number) for number in numbers))
        return next((n for n, is_ready in enumerate(ready) if not is_ready), len(ready))

    async def _is_ready(self, number: int) -> bool:
        handle = _start(number, host_name(number, self._release))
        with contextlib.suppress(RayError, TimeoutError):
            await asyncio.wait_for(handle.greet.remote(), GREET_S)
            return True
        return False

    async def _greet(self, name: str) -> None:
        try:
            address = await asyncio.wait_for(self._find(name).greet.remote(), GREET_S)
            await self._connect(name, address)
        except (RayError, ValueError):
            self._actors.pop(name, None)  # it is dead, or Ray is starting it again
        except TimeoutError:
            self._silences[name] += 1
            logger.warning("%s did not answer a greeting.", name)
            if self._silences[name] >= HUNG:
                self._kill(name)
                self._silences[name] = 0
            return
        self._silences.pop(name, None)

    def _kill(self, name: str) -> None:
        """Kill a host that hangs; Ray starts it again.

        Ray asks the process to end before it kills it, and leaves it alone when it cannot even
        connect to it, as when it is stopped. On this node the process is killed outright.
        """
        _, channel = self._channels.get(name, (None, None))
        if channel is not None and channel.is_open:
            channel.kill()
        else:
            ray.kill(self._find(name), no_restart=False)

    async def _connect(self, name: str, address: Address | None) -> None:
        """Have a channel to a host of this node; `None`: one of a release without channels."""
        known, channel = self._channels.get(name, (None, None))
        if channel is not None and channel.is_open and known == address:
            return
        if channel is not None:
            channel.close()
            del self._channels[name]
        if address is not None and address.node == self._node:
            with contextlib.suppress(OSError):  # it has just ended, say: Ray will know
                opened = await Channel.open(address.name)
                _, other = self._channels.pop(name, (None, None))
                if other is not None:  # another greeting was quicker
                    other.retire()
                self._channels[name] = address, opened

    def _find(self, name: str) -> Any:
        """Return the handle of a host that runs. Raises `ValueError` when there is none."""
        if name not in self._actors:
            self._actors[name] = ray.get_actor(name, NAMESPACE)
        return self._actors[name]


def _start(number: int, name: str) -> Any:
    options = ray.remote(CartHostActor).options(
        num_cpus=CPUS,
        max_restarts=-1,
        max_concurrency=CONCURRENCY,
        name=name,
        namespace=NAMESPACE,
        lifetime="detached",
        get_if_exists=True,
        scheduling_strategy="SPREAD",
    )
    return options.remote(number, name)
