"""The database as seen from any Ray process: operations go to the `Database` deployment."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import ray
from ray import serve
from ray.serve.handle import DeploymentHandle
from sqlalchemy import Connection

from pearshop.actors.channel import Broken
from pearshop.actors.neighbours import Neighbours
from pearshop.db.execute import Outcome, is_read_only, is_single_statement
from pearshop.errors import Unavailable
from pearshop.telemetry.origins import ORIGINS

P = ParamSpec("P")
T = TypeVar("T")

APPLICATION = "pearshop"
DEPLOYMENT = "Database"
ATTEMPTS = 3
PAUSE_S = 0.05


def own_node() -> str:
    """Return the id of the node that this process runs on; empty outside a cluster."""
    # Without the question Ray would start a cluster here.
    return str(ray.get_runtime_context().get_node_id()) if ray.is_initialized() else ""


class RayDatabase:
    """The `Database` deployment as a `pearshop.db.execute.Database`.

    A replica on the same node is asked by a channel, others through a Serve handle.
    Operations travel by name, so they must be functions of a module; arguments and results are
    pickled. `timeout` (s) bounds each call.
    """

    def __init__(self, handle: "DeploymentHandle[Any]", timeout: float) -> None:
        self._handle = handle
        self._timeout = timeout
        self._neighbours = Neighbours(DEPLOYMENT, own_node())

    @classmethod
    def connect(cls, timeout: float) -> "RayDatabase":
        """Return the database of the running application, from outside its deployments."""
        return cls(serve.get_deployment_handle(DEPLOYMENT, APPLICATION), timeout)

    async def run(
        self,
        operation: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run one operation in one transaction. Raises `Refused` or `Unavailable`."""
        return cast("T", await self._bounded(operation, args, kwargs, False))

    async def read(
        self,
        operation: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a `read_only` operation, on a replica where one will do. Raises as `run` does."""
        assert is_read_only(operation), operation
        return cast("T", await self._bounded(operation, args, kwargs, True))

    async def _bounded(self, operation: Callable[..., Any], *rest: Any) -> Any:
        try:
            async with asyncio.timeout(self._timeout):
                outcome = await self._ask(operation, (*rest, ORIGINS.get()))
        except asyncio.CancelledError:
            if (task := asyncio.current_task()) and task.cancelling():
                raise
            raise Unavailable("The call to the database was broken off.", unknown=True) from None
        except TimeoutError:
            raise Unavailable("The database did not answer in time.", unknown=True) from None
        return outcome.result()

    async def _ask(self, operation: Callable[..., Any], rest: tuple[Any, ...]) -> Outcome:
        """Ask a replica; if it dies over an operation that is safe to repeat, ask another."""
        for attempt in itertools.count(1):
            try:
                return await self._call(operation, rest)
            except Exception as error:
                if attempt >= ATTEMPTS or not is_single_statement(operation):
                    raise Unavailable("The database cannot be reached.", unknown=True) from error
                if not isinstance(error, Broken):
                    await asyncio.sleep(PAUSE_S)
        raise AssertionError("unreachable")

    async def _call(self, operation: Callable[..., Any], rest: tuple[Any, ...]) -> Outcome:
        channel = await self._neighbours.pick()
        if channel is not None:
            return cast("Outcome", await channel.call((operation, *rest)))
        return cast("Outcome", await self._handle.run.remote(operation, *rest))
