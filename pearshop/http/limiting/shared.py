"""What replicas tell each other through Redis about who asked how often.

Redis holds nothing here that may not be lost, and nobody waits for it longer than 100 ms: a Redis
that did not answer in time is left alone for a second, and replicas count for themselves.
"""

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from limits.aio.storage import RedisStorage
from redis.exceptions import RedisError

from pearshop.http.caching.shared import PAUSE_S, connected

T = TypeVar("T")

logger = logging.getLogger(__name__)

PREFIX = "pearshop:limits:1"
"""Of all keys; its number changes when what is stored under them does."""
TIMEOUT_S = 0.1


class Shared:
    """Counts and marks that all replicas share; with no URL there are none.

    Names are hashed under `secret`: who reads Redis learns neither addresses nor usernames.
    """

    def __init__(self, url: str, secret: str) -> None:
        self._secret = hashlib.sha256(secret.encode()).digest()
        self._away_until = 0.0 if url else float("inf")
        if url:
            self._redis = connected(url, TIMEOUT_S)
            self._counts = RedisStorage(
                "async+redis://",
                implementation="redispy",
                key_prefix=PREFIX,
                connection_pool=self._redis.connection_pool,  # type: ignore[arg-type]
            )

    @property
    def is_there(self) -> bool:
        """Whether it is worth asking."""
        return time.monotonic() >= self._away_until

    def name(self, *parts: object) -> str:
        """Return a key that does not tell what it stands for."""
        text = "\0".join(map(str, parts))
        return hashlib.blake2b(text.encode(), key=self._secret, digest_size=16).hexdigest()

    async def add(self, name: str, amount: int, seconds: int) -> int | None:
        """Return the count with `amount` added to it; a new one lives for so many seconds.

        `None` when Redis is away; the amount may have been added all the same.
        """
        return await self._ask(lambda: self._counts.incr(name, seconds, amount))

    async def get(self, name: str) -> int | None:
        """Return a count; `None` when Redis is away."""
        return await self._ask(lambda: self._counts.get(name))

    async def mark(self, name: str, seconds: int) -> None:
        """Remember a name for so many seconds."""
        await self._ask(lambda: self._redis.set(f"{PREFIX}:{name}", 1, ex=seconds))

    async def is_marked(self, name: str) -> bool:
        """Return whether a name is remembered; no, when Redis is away."""
        return bool(await self.get(name))

    async def _ask(self, call: Callable[[], Awaitable[T]]) -> T | None:
        if not self.is_there:
            return None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await call()
        except (RedisError, OSError) as error:
            self._away_until = time.monotonic() + PAUSE_S
            logger.warning("Redis does not answer, limits hold in each replica alone: %r", error)
            return None
