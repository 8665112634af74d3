"""Notices of changes, from replica to replica through Redis. Any of them may be lost."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from redis.exceptions import RedisError

from pearshop.domain.stock import Left
from pearshop.http.caching.scope import Change
from pearshop.http.caching.shared import CHANNEL, connected

logger = logging.getLogger(__name__)

RECONNECT_S = 1.0
QUIET_S = 1.0
"""A Redis that hangs is as silent as one without news: after so long it is asked."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Products that staff changed, and how; what orders left of products.

    `step`: the generations of all pages before and after, where there are any; Redis adds it.
    """

    changed: dict[int, Change]
    sold: dict[int, Left] = field(default_factory=dict)
    step: tuple[int, int] | None = None

    def encode(self) -> bytes:
        """Return the form in which it travels, below a line for its step."""
        changed = {str(each): tuple(change) for each, change in self.changed.items()}
        sold = {str(each): tuple(left) for each, left in self.sold.items()}
        return orjson.dumps({"changed": changed, "sold": sold})

    @classmethod
    def decode(cls, message: bytes) -> "Notice":
        """Return a notice that came. Raises `ValueError` for what is none."""
        step, _, notice = message.partition(b"\n")
        said = orjson.loads(notice)
        try:
            changed = {
                int(each): Change(_time(at), category, None if before is None else _time(before))
                for each, (at, category, before) in said["changed"].items()
            }
            sold = {
                int(each): Left(int(pieces), _time(since))
                for each, (pieces, since) in said["sold"].items()
            }
            before, after = map(int, step.split() or (0, 0))
            return cls(changed, sold, (before, after) if after else None)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no notice: {error}") from error


def _time(said: str) -> datetime:
    return datetime.fromisoformat(said)


class Ear:
    """Listens to notices, and knows whether they come in."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.hears = False

    async def listen(self, hear: Callable[[Notice], None], missed: Callable[[], None]) -> None:
        """Hand notices to `hear` until cancelled; `missed` is called when some may have been."""
        if not self._url:
            return
        while True:
            with contextlib.suppress(RedisError, OSError):
                await self._hear(hear, missed)
            self.hears = False
            await asyncio.sleep(RECONNECT_S)

    async def _hear(self, hear: Callable[[Notice], None], missed: Callable[[], None]) -> None:
        async with connected(self._url, QUIET_S) as connection, connection.pubsub() as notices:
            await notices.subscribe(CHANNEL)
            missed()  # what was said before went by unheard
            self.hears = True
            while True:
                message = await notices.get_message(ignore_subscribe_messages=True, timeout=QUIET_S)
                if message is None:
                    await connection.ping()
                    continue
                try:
                    hear(Notice.decode(message["data"]))
                except ValueError as error:  # of another release
                    logger.warning("A notice could not be read: %s", error)
                    missed()
