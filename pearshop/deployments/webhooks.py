"""The process that tells subscribers of events, and sweeps. No request comes to it."""

import asyncio
from collections import Counter as Counts
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle

from pearshop.actors.ray_database import RayDatabase
from pearshop.deployments.logs import write_to_serves_log
from pearshop.deployments.metrics import outbox_age, swept_rows, webhook_deliveries
from pearshop.deployments.sweeper import Sweeper
from pearshop.domain.webhook import MAX_WEBHOOKS, State
from pearshop.settings import settings
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
        write_to_serves_log()
        configured = settings()
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
        self._deliveries, self._age, self._rows = webhook_deliveries(), outbox_age(), swept_rows()
        self._told: Counts[State] = Counts()
        self._swept: Counts[str] = Counts()

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
        self._age.set(self._dispatcher.outbox_age)
        for outcome, count in (self._dispatcher.counts - self._told).items():
            self._deliveries.inc(count, {"outcome": outcome})
        self._told = self._dispatcher.counts.copy()
        for kind, count in (self._sweeper.counts - self._swept).items():
            self._rows.inc(count, {"kind": kind})
        self._swept = self._sweeper.counts.copy()

    async def _finish(self) -> None:
        self._dispatcher.stop()
        self._sweeper.stop()
        await asyncio.gather(*self._work)
        await self._sender.close()
