"""The process that tells subscribers of events. No request comes to it."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle

from pearshop.actors.ray_database import RayDatabase
from pearshop.domain.webhook import MAX_WEBHOOKS
from pearshop.settings import settings
from pearshop.telemetry import metrics
from pearshop.telemetry.reporting import Reporter
from pearshop.telemetry.start import start_replica
from pearshop.webhooks.dispatcher import Dispatcher
from pearshop.webhooks.resolving import Resolver
from pearshop.webhooks.sender import Sender


@serve.deployment
class Webhooks:
    """Runs a dispatcher. A second one, while a release replaces the first, does no harm."""

    _work: asyncio.Task[None] | None = None

    def __init__(self, database: "DeploymentHandle[Any]") -> None:
        configured = settings()
        start_replica(configured)
        # A look-up that is given up holds its thread while the next attempt has begun another.
        lookups = 2 * MAX_WEBHOOKS
        resolver = Resolver(private=configured.webhook_private_addresses, lookups=lookups)
        self._sender = Sender(resolver.resolve)
        self._dispatcher = Dispatcher(
            RayDatabase(database, configured.request_timeout), self._sender
        )
        self._reporter = Reporter()

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
        if self._reporter.is_due():
            self._reporter.gauge(metrics.OUTBOX_AGE, self._dispatcher.outbox_age)
            counts = {(str(how),): n for how, n in self._dispatcher.counts.items()}
            self._reporter.totals(metrics.WEBHOOK_DELIVERIES, counts)

    async def _finish(self, work: "asyncio.Task[None]") -> None:
        self._dispatcher.stop()
        await work
        await self._sender.close()
