"""The process that tells subscribers of events, and sweeps. No request comes to it."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle

from pearshop.actors.ray_database import RayDatabase
from pearshop.deployments.sweeper import Sweeper
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
    """Runs a dispatcher and a sweeper.

    A second one, while a release replaces the first, does no harm.
    """

    _work: tuple[asyncio.Task[None], ...] = ()

    def __init__(self, database: "DeploymentHandle[Any]") -> None:
        configured = settings()
        start_replica(configured)
        # A look-up that is given up holds its thread while the next attempt has begun another.
        lookups = 2 * MAX_WEBHOOKS
        resolver = Resolver(private=configured.webhook_private_addresses, lookups=lookups)
        self._sender = Sender(resolver.resolve)
        calls = RayDatabase(database, configured.request_timeout)
        self._dispatcher = Dispatcher(calls, self._sender)
        self._sweeper = Sweeper(
            calls,
            keys=timedelta(days=configured.keep_keys_days),
            events=timedelta(days=configured.keep_events_days),
        )
        self._reporter = Reporter()

    def __del__(self) -> Awaitable[None] | None:
        """Finish what is under way; Serve awaits this before it ends the process."""
        return self._finish() if self._work else None

    async def check_health(self) -> None:
        """Work, and tell how it goes; Serve calls this at start and every second.

        Raises what ended the work, so that Serve starts another process.
        """
        if not self._work:
            self._work = (
                asyncio.create_task(self._dispatcher.run()),
                asyncio.create_task(self._sweeper.run()),
            )
        for work in self._work:
            if work.done():
                work.result()
        if self._reporter.is_due():
            self._reporter.gauge(metrics.OUTBOX_AGE, self._dispatcher.outbox_age)
            counts = {(str(how),): n for how, n in self._dispatcher.counts.items()}
            self._reporter.totals(metrics.WEBHOOK_DELIVERIES, counts)
            swept = {(kind,): n for kind, n in self._sweeper.counts.items()}
            self._reporter.totals(metrics.SWEPT_ROWS, swept)

    async def _finish(self) -> None:
        self._dispatcher.stop()
        self._sweeper.stop()
        await asyncio.gather(*self._work)
        await self._sender.close()
