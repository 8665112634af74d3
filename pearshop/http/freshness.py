"""Whether a read may be answered by a database replica, which lags a little behind the primary.

Everyone reads what they wrote themselves: whoever has changed what a history shows is noted in
Redis before they are answered, and reads the primary for a while. Without read replicas nothing
here costs anything.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import redis.asyncio
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from pearshop.actors.batching import Batcher, detached
from pearshop.db.replicas import window
from pearshop.settings import Settings

LOOK_S = 0.1
"""How long a reader waits for Redis; then the primary is read."""
REDIS_TIMEOUT_S = 0.5
BATCH = 500


class Freshness:
    """What has been changed too lately for the replicas to be asked, as far as this process knows.

    `behind` (s): replicas have whatever was committed longer ago. 0: there are none.
    """

    def __init__(
        self,
        behind: float = 0.0,
        writers: "Writers | None" = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._behind = behind
        self._writers = writers
        self._monotonic = monotonic
        self._sleep = sleep
        self._pages_until = -math.inf

    @classmethod
    def of(cls, settings: Settings) -> "Freshness":
        """Return the freshness that fits the settings."""
        if not settings.replica_urls:
            return cls()
        behind = window(settings)
        if not settings.redis_url:
            return cls(behind)
        # A command may reach the database late, and be at work there when its client has given up.
        return cls(behind, Writers(settings.redis_url, 2 * settings.request_timeout + behind))

    @property
    def has_replicas(self) -> bool:
        """Whether there are replicas; what never changes once it is there may be read on them."""
        return self._behind > 0

    def catalogue_changed(self) -> None:
        """Read pages from the primary for a while: staff have changed a product."""
        self._pages_until = self._monotonic() + self._behind

    def may_read_pages(self, age: float | None) -> bool:
        """Return whether a replica may answer for pages of the catalogue.

        `age` (s): how long ago the catalogue changed as far as Redis knows; `None`: not known.
        """
        if not self.has_replicas or self._monotonic() < self._pages_until:
            return False
        return age is None or age >= self._behind

    async def may_read_history(self, user_id: int) -> bool:
        """Return whether a replica may tell this user of orders.

        Without Redis, and while it cannot be known what it would have told, it may not.
        """
        return self._writers is not None and await self._writers.lack(user_id)

    @contextlib.asynccontextmanager
    async def writing(self, user_id: int) -> AsyncIterator[None]:
        """Surround a write to what this user's history shows: it ends when they may be answered.

        That is when Redis knows the writer, or, without Redis, when all replicas have the write.
        """
        if self._writers is None:
            yield
            return
        noted = detached(self._writers.add(user_id))
        yield
        if not await noted:
            await self._sleep(self._behind)


class Writers:
    """Who has written within the last `life` seconds, kept in Redis, shared by all processes.

    Everything goes over one connection, for its age tells what Redis can know: one that was started
    anew, or took another's place, has forgotten writers, but has also broken all connections.
    """

    def __init__(
        self, url: str, life: float, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._life = life
        self._monotonic = monotonic
        self._connected_at = math.inf
        self._redis = redis.asyncio.from_url(
            url,
            socket_timeout=REDIS_TIMEOUT_S,
            socket_connect_timeout=REDIS_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            redis_connect_func=self._connected,
        )
        self._commands: Batcher[_Command] = Batcher(self._send, limit=BATCH)

    async def add(self, user_id: int) -> bool:
        """Note a writer. Return whether Redis has taken note."""
        milliseconds = int(self._life * 1000)
        return bool(await self._ask("SET", _key(user_id), "", "PX", milliseconds))

    async def lack(self, user_id: int) -> bool:
        """Return whether it is certain that this user has not written lately."""
        answer = self._ask("EXISTS", _key(user_id))
        done, _ = await asyncio.wait({answer}, timeout=LOOK_S)
        if not done or answer.result() != 0:
            return False
        return self._monotonic() - self._connected_at >= self._life

    def _ask(self, *words: str | int) -> "asyncio.Future[Any]":
        """Return what will be Redis' answer, `None` when there is none."""
        command = _Command(words)
        self._commands.put(command)
        return command.answer

    async def _send(self, commands: "list[_Command]") -> None:
        answers: list[Any] = [None] * len(commands)
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            async with self._redis.pipeline(transaction=False) as pipeline:
                for command in commands:
                    pipeline.execute_command(*command.words)
                answers = await pipeline.execute()
        for command, answer in zip(commands, answers, strict=True):
            if not command.answer.done():
                command.answer.set_result(answer)

    async def _connected(self, connection: AbstractConnection) -> None:
        self._connected_at = self._monotonic()
        await connection.on_connect()


class _Command:
    """A command on its way to Redis, and the future of who waits for its answer."""

    __slots__ = ("answer", "words")

    def __init__(self, words: tuple[str | int, ...]) -> None:
        self.words = words
        self.answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


def _key(user_id: int) -> str:
    return f"pearshop:wrote:{user_id}"
