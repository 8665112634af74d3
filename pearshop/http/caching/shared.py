"""Redis as the layer that all replicas share: products and pages, kept for a minute.

Redis holds nothing that may not be lost, and nobody waits for it long: what it does not answer at
once is taken from the database. Each product has a generation that every change raises, and its
value is stored only if none has since its load began (the lease of Nishtala et al., "Scaling
Memcache at Facebook", 2013). The pages have one generation together, the time of the last change. A
page names that under which its load began: whoever knows the changes since can tell whether any
concerns it (`chronicle`). A change, its new value and the notice of it are one script. A product's
value is that of an era, too: after more changes than can be told, a new era makes all values old at
once, and a generation that no notice tells of all pages.
"""

import logging
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from pearshop.http.caching.memory import jittered

logger = logging.getLogger(__name__)

PREFIX = "pearshop:4:"
"""Of all keys; its number changes when what is stored under them does.

Of notices, too: while a release replaces another, each keeps values of its own. What one changed,
the other must not take for told already, but hear of by its pulse, and tell its own.
"""
CHANNEL = PREFIX + "notices"
PAGES = PREFIX + "pages"
ERA = PREFIX + "era"
TIMEOUT_S = 0.2
PAUSE_S = 1.0
"""How long a Redis that did not answer is left alone."""
GENERATION_S = 60.0
"""How long a generation lives at least: longer than any load that began under it."""

NOW = """
local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000000 + time[2])
"""
FETCH_PAGE = f"""{NOW}
local generation = redis.call('GET', KEYS[1])
if not generation then
  generation = now
  redis.call('SET', KEYS[1], generation)
end
return {{generation, redis.call('GET', KEYS[2]), now}}
"""
STORE_PRODUCTS = """
local era = redis.call('GET', KEYS[1]) or ''
if era ~= ARGV[2] then
  return
end
for i = 2, #KEYS do
  if (redis.call('HGET', KEYS[i], 'generation') or '') == ARGV[2 * i - 1] then
    redis.call('HSET', KEYS[i], 'value', ARGV[2 * i], 'era', era)
    redis.call('PEXPIRE', KEYS[i], ARGV[1])
  end
end
"""
NEW_PAGES = """
local before = redis.call('GET', KEYS[1])
if before then
  local after = string.format('%.0f', math.max(now, before + 1))
  redis.call('SET', KEYS[1], after)
  step = before .. ' ' .. after
end
"""
CHANGE = f"""{NOW}
local era = redis.call('GET', KEYS[2]) or ''
for i = 3, #KEYS do
  redis.call('HINCRBY', KEYS[i], 'generation', 1)
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[i], 'value')
  else
    redis.call('HSET', KEYS[i], 'value', ARGV[i + 1], 'era', era)
  end
  redis.call('PEXPIRE', KEYS[i], ARGV[1])
end
local step = ''
if ARGV[2] == '1' then{NEW_PAGES}end
return redis.call("PUBLISH", ARGV[#ARGV], step .. '\\n' .. ARGV[3])
"""
FORGET = f"""{NOW}local step{NEW_PAGES}return redis.call('INCR', KEYS[2])
"""


def connected(url: str, timeout: float) -> "redis.asyncio.Redis":
    """Return a client that gives up after `timeout` seconds and does not try again by itself."""
    client: redis.asyncio.Redis = redis.asyncio.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 0),
    )
    return client


@dataclass(frozen=True, slots=True)
class Leased:
    """A product from Redis, if it was there, and what to name when storing another."""

    value: bytes | None
    generation: str
    era: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A page as Redis has it.

    `generation`: of all pages, when its load began. `age` (s): how long ago that was.
    """

    value: bytes
    generation: int
    age: float


@dataclass(frozen=True, slots=True)
class LeasedPage:
    """A page from Redis, if it was there, and what to name when storing another.

    `generation`: of all pages, that is when staff last changed one; `now`: both by Redis' clock, in
    microseconds.
    """

    kept: Kept | None
    generation: int
    now: int

    @property
    def quiet(self) -> float:
        """For how many seconds staff have changed nothing."""
        return (self.now - self.generation) / 1e6


class Shared:
    """The shared layer. With no URL, or while Redis is away, it knows nothing and keeps nothing."""

    def __init__(self, url: str, seconds: float) -> None:
        self._seconds = seconds
        self._away_until = 0.0
        self._redis: redis.asyncio.Redis | None = None
        if url:
            self._redis = connected(url, TIMEOUT_S)
            script = self._redis.register_script
            self._fetch_page, self._store_products = script(FETCH_PAGE), script(STORE_PRODUCTS)
            self._change, self._forget = script(CHANGE), script(FORGET)

    @property
    def exists(self) -> bool:
        """Whether there is a Redis at all, away or not."""
        return self._redis is not None

    async def products(self, ids: Sequence[int]) -> dict[int, Leased]:
        """Return what is known of products; nothing when Redis is away."""
        if (connection := self._connection()) is None:
            return {}
        try:
            async with connection.pipeline(transaction=False) as calls:
                calls.get(ERA)
                for product_id in ids:
                    calls.hmget(_key(product_id), "value", "generation", "era")
                era, *found = await calls.execute()
        except (RedisError, OSError) as error:
            self._leave_alone(error)
            return {}
        now = era or b""
        return {
            product_id: Leased(
                value if (of or b"") == now else None, (generation or b"").decode(), now.decode()
            )
            for product_id, (value, generation, of) in zip(ids, found, strict=True)
        }

    async def keep_products(
        self, values: Mapping[int, bytes], leased: Mapping[int, Leased]
    ) -> None:
        """Store values of products, each unless it has changed since it was leased."""
        if not values or not self._connection():
            return
        eras = {leased[each].era for each in values}
        arguments: list[Any] = [self._life(self._seconds), *eras]
        for product_id, value in values.items():
            arguments += [leased[product_id].generation, value]
        await self._answer(self._store_products([ERA, *map(_key, values)], arguments))

    async def page(self, name: str) -> LeasedPage | None:
        """Return what is known of a page; `None` when Redis is away."""
        if self._connection() is None:
            return None
        found = await self._answer(self._fetch_page([PAGES, _page_key(name)], []))
        if found is None:
            return None
        generation, value, now = found
        return LeasedPage(value and _kept(value, int(now)), int(generation), int(now))

    async def keep_page(
        self, name: str, leased: LeasedPage, value: bytes, age: float = 0.0
    ) -> None:
        """Store a page as it was when it was leased.

        `age` (s): how long before that its load began; it is kept for so much less.
        """
        if (connection := self._connection()) is None:
            return
        head = b"%d %d\n" % (leased.generation, leased.now - int(age * 1e6))
        life = self._life(self._seconds - age)
        await self._answer(connection.set(_page_key(name), head + value, px=life))

    async def change(self, values: Mapping[int, bytes], notice: bytes, *, pages: bool) -> bool:
        """Replace products (by nothing, where the value is empty) and give notice of it.

        `pages`: forget all pages, too. Returns whether it was done.
        """
        if self._connection() is None:
            return False
        keys = [PAGES, ERA, *map(_key, values)]
        arguments: list[Any] = [self._life(max(self._seconds, GENERATION_S)), int(pages), notice]
        arguments += [*values.values(), CHANNEL]
        return await self._answer(self._change(keys, arguments)) is not None

    async def forget(self) -> bool:
        """Forget all products and pages. Returns whether it was done."""
        if self._connection() is None:
            return False
        return await self._answer(self._forget([PAGES, ERA], [])) is not None

    def _connection(self) -> "redis.asyncio.Redis | None":
        return self._redis if time.monotonic() >= self._away_until else None

    async def _answer(self, asked: Awaitable[Any]) -> Any:
        """Return what Redis answers; `None` when it does not."""
        try:
            return await asked
        except (RedisError, OSError) as error:
            self._leave_alone(error)
            return None

    def _leave_alone(self, error: Exception) -> None:
        self._away_until = time.monotonic() + PAUSE_S
        logger.warning("Redis does not answer, the shop does without it: %s", error)

    def _life(self, seconds: float) -> int:
        return max(1, int(jittered(seconds) * 1000))


def _key(product_id: int) -> str:
    return f"{PREFIX}product:{product_id}"


def _page_key(name: str) -> str:
    return f"{PAGES}:{name}"


def _kept(stored: bytes, now: int) -> Kept | None:
    """Return what was stored; `None` for what cannot be read."""
    head, _, value = stored.partition(b"\n")
    try:
        generation, then = map(int, head.split())
    except ValueError:
        return None
    return Kept(value, generation, (now - then) / 1e6)
