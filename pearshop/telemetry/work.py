"""A piece of work for requests: who it is for goes with it, and how it went is told."""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from types import TracebackType
from typing import Any

from pearshop.errors import Unavailable
from pearshop.telemetry.logs import LINES_OF_REQUESTS
from pearshop.telemetry.origins import ORIGINS, Origin
from pearshop.telemetry.traces import TRACES, beneath


class Work:
    """A block within which `ORIGINS` are those given; logged if it fails or takes long.

    `failure` is what the block met, if it keeps that to itself; `Unavailable` that leaves it counts
    without. Work for nobody's request is logged when it fails, and has no span.
    """

    __slots__ = ("_began", "_name", "_origins", "_span", "_token", "failure")

    def __init__(self, name: str, origins: Sequence[Origin]) -> None:
        self._name = name
        self._origins = origins
        self.failure: Unavailable | None = None

    def __enter__(self) -> "Work":
        self._span = None
        origins = tuple(self._origins)
        if origins and TRACES.are_told:
            self._span = TRACES.begin(self._name, [parent for _, parent in origins])
            origins = beneath(self._span, origins)
        self._token = ORIGINS.set(origins)
        self._began = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        seconds = time.perf_counter() - self._began
        ORIGINS.reset(self._token)
        failure = error if isinstance(error, Unavailable) else self.failure
        LINES_OF_REQUESTS.work(self._name, self._origins, seconds, failure)
        if self._span is not None:
            failed = failure.detail if failure else kind.__name__ if kind else ""
            count = {"pearshop.requests": len(self._origins)}
            TRACES.finish(self._span, count, failed=failed)


@lru_cache(maxsize=1024)
def name_of(operation: Callable[..., Any]) -> str:
    """Return what an operation of `pearshop.db` goes by: `cart.save`, say."""
    return f"{operation.__module__.rpartition('.')[2]}.{operation.__name__}"
