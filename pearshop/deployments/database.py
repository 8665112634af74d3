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
from pearshop.db.replicas import Replicas
from pearshop.deployments.logs import write_to_serves_log
from pearshop.deployments.metrics import replica_behind, replica_used
from pearshop.errors import Unavailable
from pearshop.settings import settings


@serve.deployment
class Database:
    """Runs operations of `pearshop.db` in threads, one connection each, none beyond the pool.

    Calls come through Serve, or from processes of the same node by a channel.
    """

    _listener: Listener | None = None

    def __init__(self) -> None:
        write_to_serves_log()
        configured = settings()
        self._engine = make_engine(configured)
        self._pool = Pool(configured.database_pool_size, configured.database_pool_timeout)
        self._replicas = Replicas(configured)
        self._replicas.start()
        self._used, self._behind = replica_used(), replica_behind()

    def __del__(self) -> Awaitable[None] | None:
        """Finish what came by channels; Serve awaits this before it ends the process."""
        return self._listener.close() if self._listener is not None else None

    async def run(
        self,
        operation: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        may_lag: bool = False,
    ) -> Outcome:
        """Run an operation in a transaction of its own, see `pearshop.db.execute`.

        Who waits longer than the pool time-out for a free connection is told so. What `may_lag`
        is read on a replica, if one is close enough behind the primary and answers.
        """
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
        for number, state in enumerate(self._replicas.report()):
            self._used.set(state.used, {"replica": str(number)})
            self._behind.set(state.behind, {"replica": str(number)})
