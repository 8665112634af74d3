"""A replica's own memory: values trusted for seconds, then shown while a new one is fetched."""

import random
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

JITTER = 0.2
"""Share of a time to live that chance takes off, so that what came together goes apart."""


def jittered(seconds: float) -> float:
    """Return a time to live of up to that many seconds."""
    return seconds * (1 - JITTER * random.random())  # noqa: S311 - spreads load, guards nothing


@dataclass(slots=True)
class Entry(Generic[T]):
    """A value; until when it is trusted, and until when it may be shown, by the clock's seconds."""

    value: T
    fresh_until: float
    usable_until: float
    size: int
    era: int


class Memory(Generic[T]):
    """Values by key, at most `limit` in the sum of their sizes; what is oldest goes first.

    A value is fresh for up to `seconds`, and usable for `stale_seconds` more. A doubted one is
    neither, and stays for want of a better one.
    """

    def __init__(
        self,
        seconds: float,
        stale_seconds: float,
        limit: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._stale_seconds = stale_seconds
        self._limit = limit
        self._clock = clock
        self._size = 0
        self._era = 0
        """Raised when all that was put before is doubted, so that nothing has to be visited."""
        self._entries: OrderedDict[object, Entry[T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: object) -> Entry[T] | None:
        """Return what is known under a key, fresh or not."""
        return self._entries.get(key)

    def is_fresh(self, entry: Entry[T]) -> bool:
        """Return whether a value is trusted."""
        return entry.era == self._era and entry.fresh_until > self._clock()

    def is_usable(self, entry: Entry[T]) -> bool:
        """Return whether a value may be shown while a new one is on its way."""
        return entry.era == self._era and entry.usable_until > self._clock()

    def put(self, key: object, value: T, size: int = 1, times: int = 1, age: float = 0.0) -> None:
        """Remember a value, and trust it until it is so many times the usual time old.

        `age` (s): how old it is already. From now on it is trusted for the usual time at least.
        """
        trusted = max(jittered(self._seconds), jittered(self._seconds * times) - age)
        fresh = self._clock() + trusted
        self._drop(key)
        self._entries[key] = Entry(value, fresh, fresh + self._stale_seconds, size, self._era)
        self._size += size
        while self._size > self._limit:
            self._drop(next(iter(self._entries)))

    def doubt(self, *keys: object) -> None:
        """Trust these values no more."""
        for key in keys:
            if (entry := self._entries.get(key)) is not None:
                entry.fresh_until = entry.usable_until = 0.0

    def doubt_if(self, doubtful: Callable[[T], bool]) -> None:
        """Trust those values no more that are doubtful."""
        for entry in self._entries.values():
            if self.is_usable(entry) and doubtful(entry.value):
                entry.fresh_until = entry.usable_until = 0.0

    def doubt_all(self) -> None:
        """Trust no value any more."""
        self._era += 1

    def _drop(self, key: object) -> None:
        if (entry := self._entries.pop(key, None)) is not None:
            self._size -= entry.size
