"""The one place that opens database connections."""

from collections.abc import Awaitable, Callable
from typing import Any

from ray import serve

from pearshop.actors.channel import Listener
from pearshop.actors.neighbours import listen
from pearshop.actors.ray_database import DEPLOYMENT, own_node
from pearshop.db.engine import make_engine
from pearshop.db.execute import Outcome, execute
from pearshop.db.pool import Pool
from pearshop.db.replicas import Replicas, State
from pearshop.errors import Unavailable
from pearshop.settings import settings
from pearshop.telemetry import metrics
from pearshop.telemetry.origins import Origin
from pearshop.telemetry.reporting import Reporter
from pearshop.telemetry.start import start_replica
from pearshop.telemetry.work import Work, name_of


@serve.deployment
class Database:
    """Runs operations of `pearshop.db` in threads, one connection each, none beyond the pool.

    Calls come through Serve, or from processes of the same node by a channel.
    """

    _listener: Listener | None = None

    def __init__(self) -> None:
        configured = settings()
        start_replica(configured)
        self._engine = make_engine(configured)
        self._pool = Pool(
            configured.database_pool_size, configured.database_pool_timeout, "primary"
        )
        self._replicas = Replicas(configured)
        self._replicas.start()
        self._reporter = Reporter()

    def __del__(self) -> Awaitable[None] | None:
        """Finish what came by channels; Serve awaits this before it ends the process."""
        return self._listener.close() if self._listener is not None else None

    async def run(
        self,
        operation: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        may_lag: bool = False,
        origins: tuple[Origin, ...] = (),
    ) -> Outcome:
        """Run an operation for these requests, in a transaction of its own, see `db.execute`.

        Who waits longer than the pool time-out for a free connection is told so. What `may_lag`
        is read on a replica, if one is close enough behind the primary and answers.
        """
        with Work(name_of(operation), origins) as work:
            outcome = await self._run(operation, args, kwargs, may_lag)
            if isinstance(outcome.error, Unavailable):
                work.failure = outcome.error
        return outcome

    async def _run(
        self,
        operation: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        may_lag: bool,
    ) -> Outcome:
        if may_lag and (outcome := await self._replicas.read(operation, args, kwargs)) is not None:
            return outcome
        try:
            return await self._pool.call(execute, self._engine, operation, args, kwargs)
        except Unavailable as error:
            return Outcome(error=error)

    async def check_health(self) -> None:
        """Listen, and tell which replicas are used; Serve calls this at start and every second."""
        if self._listener is None:
            self._listener = await listen(
                DEPLOYMENT, own_node(), lambda message: self.run(*message)
            )
        states = self._replicas.report()
        if self._reporter.is_due():
            self._report(states)

    def _report(self, states: list[State]) -> None:
        """Tell Ray how it goes."""
        tell = self._reporter
        for number, state in enumerate(states):
            tell.gauge(metrics.REPLICA_USED, state.used, str(number))
            tell.gauge(metrics.REPLICA_BEHIND, state.behind, str(number))
        for pool in (self._pool, *self._replicas.pools):
            tell.gauge(metrics.POOL_IN_USE, pool.in_use, pool.name)
            tell.gauge(metrics.POOL_SIZE, pool.size, pool.name)
            tell.histogram(pool.waits)
