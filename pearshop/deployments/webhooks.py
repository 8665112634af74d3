"""The process that tells subscribers of events. No request comes to it."""

import asyncio
from collections import Counter as Counts
from collections.abc import Awaitable
from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle

from pearshop.actors.ray_database import RayDatabase
from pearshop.deployments.logs import write_to_serves_log
from pearshop.deployments.metrics import outbox_age, webhook_deliveries
from pearshop.domain.webhook import MAX_WEBHOOKS, State
from pearshop.settings import settings
from pearshop.webhooks.dispatcher import Dispatcher
from pearshop.webhooks.resolving import Resolver
from pearshop.webhooks.sender import Sender


@serve.deployment
class Webhooks:
    """Runs a dispatcher. A second one, while a release replaces the first, does no harm."""

    _work: asyncio.Task[None] | None = None

    def __init__(self, database: "DeploymentHandle[Any]") -> None:
        write_to_serves_log()
        configured = settings()
        # A look-up that is given up holds its thread while the next attempt has begun another.
        lookups = 2 * MAX_WEBHOOKS
        resolver = Resolver(private=configured.webhook_private_addresses, lookups=lookups)
        self._sender = Sender(resolver.resolve)
        self._dispatcher = Dispatcher(
            RayDatabase(database, configured.request_timeout), self._sender
        )
        self._deliveries, self._age = webhook_deliveries(), outbox_age()
        self._told: Counts[State] = Counts()

    def __del__(self) -> Awaitable[None] | None:
        """Finish what is under way; Serve awaits this before it ends the process."""
        return self._finish(self._work) if self._work is not None else None

    async def check_health(self) -> None:
        """Work, and tell how it goes; Serve calls this at start and every second.

        Raises what ended the work, so that Serve starts another process.
        """
        if self._work is None:
            self._work = asyncio.create_task(self._dispatcher.run())
        elif self._work.done():
            self._work.result()
        self._age.set(self._dispatcher.outbox_age)
        for outcome, count in (self._dispatcher.counts - self._told).items():
            self._deliveries.inc(count, {"outcome": outcome})
        self._told = self._dispatcher.counts.copy()

    async def _finish(self, work: "asyncio.Task[None]") -> None:
        self._dispatcher.stop()
        await work
        await self._sender.close()
