"""The one place that turns `CartHost` into a Ray actor, and the way to reach such actors."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

import ray
from ray.exceptions import RayError

from pearshop.actors.host import CartHost, HostLimits
from pearshop.actors.messages import Call, Reply
from pearshop.actors.ray_database import RayDatabase
from pearshop.actors.store import DatabaseCartStore
from pearshop.errors import Unavailable
from pearshop.settings import settings

logger = logging.getLogger(__name__)

NAMESPACE = "pearshop"
ABANDONED_S = 60.0
"""A host that no `Api` replica has called or greeted for so long ends itself."""
GREET_S = 5.0
CONCURRENCY = 1_000
"""Batches one host takes at once; far above what the replicas' batchers send."""


def host_name(host: int) -> str:
    """Return the name of the Ray actor of host number `host`."""
    return f"cart-host-{host}"


class CartHostActor:
    """A `CartHost` in a process of its own, named, and restarted by Ray when it dies.

    It is detached, so that it outlives the replica that made it; in turn it ends itself when its
    shop is gone.
    """

    def __init__(self) -> None:
        configured = settings()
        self._host = CartHost(
            DatabaseCartStore(RayDatabase.connect(configured.request_timeout)),
            HostLimits(
                configured.cart_idle_seconds,
                configured.cart_hot_limit,
                configured.cart_mailbox_limit,
            ),
        )
        self._called_at = time.monotonic()
        self._tasks: list[asyncio.Task[None]] = []

    async def execute(self, epoch: int, calls: Sequence[Call]) -> list[Reply]:
        """See `CartHost.execute`."""
        await self.greet()
        return await self._host.execute(epoch, calls)

    async def greet(self) -> None:
        """Hear that the shop is still there."""
        self._called_at = time.monotonic()
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._host.live()),
                asyncio.create_task(self._leave_when_abandoned()),
            ]

    async def stats(self) -> dict[str, int]:
        """See `CartHost.stats`."""
        return self._host.stats()

    async def _leave_when_abandoned(self) -> None:
        while (left := self._called_at + ABANDONED_S - time.monotonic()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)
        # `exit_actor` counts only within a call, and an abandoned host gets none.
        ray.kill(ray.get_runtime_context().current_actor)


class RayHosts:
    """Cart hosts as named Ray actors; made on first use, found by whoever comes next."""

    def __init__(self) -> None:
        self._actors: dict[int, Any] = {}

    async def execute(self, host: int, epoch: int, calls: Sequence[Call]) -> list[Reply]:
        """Have a host carry out calls. Raises `Unavailable` when it does not answer."""
        try:
            replies: list[Reply] = await self._actor(host).execute.remote(epoch, calls)
        except (RayError, ValueError) as error:
            self._actors.pop(host, None)
            raise Unavailable("A cart host does not answer.", unknown=True) from error
        return replies

    async def greet(self, hosts: int) -> None:
        """Make sure that the hosts exist and know that the shop does; end those beyond."""
        for host in range(hosts):
            try:
                await asyncio.wait_for(self._actor(host).greet.remote(), GREET_S)
            except (RayError, ValueError, TimeoutError):
                self._actors.pop(host, None)
                logger.warning("Cart host %d does not answer; Ray restarts it.", host)
        for host in [h for h in self._actors if h >= hosts]:
            # Whoever still calls it is answered by an error and comes again by the new placement.
            ray.kill(self._actors.pop(host))

    def _actor(self, host: int) -> Any:
        if host not in self._actors:
            options = ray.remote(CartHostActor).options(
                num_cpus=0,
                max_restarts=-1,
                max_concurrency=CONCURRENCY,
                name=host_name(host),
                namespace=NAMESPACE,
                lifetime="detached",
                get_if_exists=True,
                scheduling_strategy="SPREAD",
            )
            self._actors[host] = options.remote()
        return self._actors[host]
