"""Requests to one shop: how long they may take, and which of them are sent again."""

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx

from pearshop.client.problem import is_safe_to_repeat, retry_after_of
from pearshop.errors import Unavailable

TIMEOUT_S = 10.0
"""For a call, all its attempts together."""
ATTEMPTS = 4
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
IDEMPOTENT = ("GET", "HEAD", "PUT", "DELETE")
BUSY = (429, 503)
MIN_ATTEMPT_S = 0.05
"""With less time than this left, no attempt is begun."""


@dataclass(frozen=True)
class Call:
    """A request. `repeatable`: done twice, it does no more than done once.

    `streamed`: the answer is returned as it begins, for its reader to close.
    """

    method: str
    path: str
    params: Mapping[str, str | int] | None = None
    json: Any = None
    files: Mapping[str, bytes] | None = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False
    streamed: bool = False

    @property
    def may_repeat(self) -> bool:
        """Whether the call may be sent again although the first may have been carried out."""
        return self.repeatable or (self.method in IDEMPOTENT and "If-Match" not in self.headers)


class Transport:
    """Connections to the shop at `url`. Use as an asynchronous context.

    A call that failed is sent again after a random pause, each time from a wider range
    (exponential backoff with full jitter) and not before the shop's `Retry-After`, as long as its
    time lasts: always if it never arrived or the shop says that it did nothing; if its fate is
    unknown, only where a repeat does no harm.
    """

    def __init__(self, url: str, timeout: float = TIMEOUT_S) -> None:
        self._timeout = timeout
        self._http = httpx.AsyncClient(base_url=url, trust_env=False, follow_redirects=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, call: Call) -> httpx.Response:
        """Return the answer to a call, whatever its status. Raises `Unavailable` without one."""
        deadline = time.monotonic() + self._timeout
        last: httpx.Response | Unavailable | None = None
        for attempt in range(ATTEMPTS):
            if attempt:
                pause = _pause(attempt, last)
                if time.monotonic() + pause > deadline - MIN_ATTEMPT_S:
                    break
                await asyncio.sleep(pause)
            last, again = await self._try(call, deadline - time.monotonic())
            if not again:
                break
        assert last is not None
        if isinstance(last, Unavailable):
            raise last
        return last

    async def _try(self, call: Call, seconds: float) -> tuple[httpx.Response | Unavailable, bool]:
        """Send a call once; return what came of it, and whether to send it again."""
        try:
            async with asyncio.timeout(seconds):
                request = self._http.build_request(
                    call.method,
                    call.path,
                    params=call.params,
                    json=call.json,
                    files=call.files,
                    content=call.content,
                    headers=dict(call.headers),
                    timeout=seconds,
                )
                answer = await self._http.send(request, stream=call.streamed)
                if answer.is_error:
                    await answer.aread()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
            return Unavailable("The shop cannot be reached."), True
        except (httpx.HTTPError, TimeoutError):
            unknown = not call.may_repeat
            return Unavailable("The shop did not answer in time.", unknown), call.may_repeat
        again = answer.status_code in BUSY and (call.may_repeat or is_safe_to_repeat(answer))
        return answer, again


def _pause(attempt: int, last: httpx.Response | Unavailable | None) -> float:
    """Return how many seconds to wait before an attempt."""
    widest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt)
    asked = retry_after_of(last) if isinstance(last, httpx.Response) else None
    return (asked or 0) + random.uniform(0, widest)  # noqa: S311 - spreads load, guards nothing
