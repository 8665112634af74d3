"""Streams of events to browsers (Server-Sent Events, WHATWG HTML 9.2), few enough for each user.

A stream ends by itself before the ingress would end it; browsers connect again at once, and name
the last event that they have seen.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import StreamingResponse

from pearshop.errors import Invalid, TooMany, Unavailable
from pearshop.http.answers import PRIVATE
from pearshop.http.members import UNTIL, leave_place

LOOK_S = 0.25
"""How often a stream looks whether there is something new."""
BEAT_S = 3.0
"""How long a stream is silent at most. The ingress breaks off what is silent for six seconds."""
LIFE_S = 25.0
"""Shorter than `request_timeout_s` of Serve's configuration."""
OF_USER, OF_ALL = 6, 200
"""Streams of one user, and of all, in one replica."""
LAST = "last-event-id"


class Event(NamedTuple):
    """Something new: its number, which is never less than that before, and JSON."""

    number: int
    data: bytes

    def encode(self, name: str) -> bytes:
        """Return it as it is sent."""
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self.number, name.encode(), self.data)


Look = Callable[[int], Awaitable[Event | None]]
"""Returns what is new since the event of that number, if anything."""


class Streams:
    """The streams of one replica."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._open: Counter[int] = Counter()

    async def answer(
        self, request: Request, user_id: int, name: str, look: Look
    ) -> StreamingResponse:
        """Return a stream of events of that name to a user.

        What is looked for first decides whether it opens at all, so that who may not see it is
        told so. Raises `TooMany`, and `Invalid` within a batch.
        """
        if UNTIL in request.scope:
            raise Invalid("A stream is no call for a batch: open it by itself.", "stream")
        if self._open[user_id] >= OF_USER or self._open.total() >= OF_ALL:
            raise TooMany(
                "Too many streams are open: close some, or ask without one.",
                "too_many_streams",
                {"retry_after": 10},
            )
        known = _number(request.headers.get(LAST))
        first = await look(known)
        leave_place(request.scope)
        events = self._events(user_id, name, look, known, first)
        headers = {**PRIVATE, "X-Accel-Buffering": "no"}
        return StreamingResponse(events, 200, headers, "text/event-stream")

    async def _events(
        self, user_id: int, name: str, look: Look, known: int, new: Event | None
    ) -> AsyncIterator[bytes]:
        ends = self._clock() + LIFE_S
        beats = 0.0
        with self._counted(user_id):
            yield b"retry: 1000\n\n"
            while self._clock() < ends:
                if new is not None:
                    known = new.number
                    yield new.encode(name)
                elif self._clock() >= beats:
                    yield b": still here\n\n"
                if new is not None or self._clock() >= beats:
                    beats = self._clock() + BEAT_S
                await self._sleep(LOOK_S)
                try:
                    new = await look(known)
                except Unavailable:
                    return  # it is asked for again by whoever connects again

    @contextmanager
    def _counted(self, user_id: int) -> Iterator[None]:
        self._open[user_id] += 1
        try:
            yield
        finally:
            self._open[user_id] -= 1
            if not self._open[user_id]:
                del self._open[user_id]


def _number(sent: str | None) -> int:
    """Return the event that was seen last; -1: none."""
    return int(sent) if sent and sent.isascii() and sent.isdecimal() and len(sent) < 20 else -1
