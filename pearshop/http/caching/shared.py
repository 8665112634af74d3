"""Redis as the layer that all replicas share: products and pages, kept for a minute.

Redis holds nothing that may not be lost, and nobody waits for it long: what it does not answer at
once is taken from the database. A value is stored only if nothing has changed since its load began:
each product has a generation that every change raises, and the pages have one together, the time of
the last change (the lease of Nishtala et al., "Scaling Memcache at Facebook", 2013). A change, its
new value and the notice of it are one script. A product's value is that of an era, too: after more
changes than can be told, a new era makes all values old at once.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from pearshop.http.caching.memory import jittered

logger = logging.getLogger(__name__)

CHANNEL = "pearshop:catalogue"
PREFIX = "pearshop:2:"
"""Of all keys; its number changes when what is stored under them does."""
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
return {{generation, redis.call('GET', KEYS[1] .. ':' .. generation .. ':' .. ARGV[1]), now}}
"""
STORE_PAGE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('SET', KEYS[1] .. ':' .. ARGV[1] .. ':' .. ARGV[2], ARGV[3], 'PX', ARGV[4])
end
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
if redis.call('EXISTS', KEYS[1]) == 1 then
  local generation = math.max(now, redis.call('GET', KEYS[1]) + 1)
  redis.call('SET', KEYS[1], string.format('%.0f', generation))
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
if ARGV[2] == '1' then{NEW_PAGES}end
return redis.call("PUBLISH", ARGV[#ARGV], ARGV[3])
"""
FORGET = f"""{NOW}{NEW_PAGES}return redis.call('INCR', KEYS[2])
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
    """A value from Redis, if there was one, and what to name when storing another.

    That is the generation, and of a product the era. `age`: of a page's generation, in seconds.
    """

    value: bytes | None
    generation: str
    era: str = ""
    age: float = 0.0


class Shared:
    """The shared layer. With no URL, or while Redis is away, it knows nothing and keeps nothing."""

    def __init__(self, url: str, seconds: float) -> None:
        self._seconds = seconds
        self._away_until = 0.0
        self._redis: redis.asyncio.Redis | None = None
        if url:
            self._redis = connected(url, TIMEOUT_S)
            script = self._redis.register_script
            self._fetch_page, self._store_page = script(FETCH_PAGE), script(STORE_PAGE)
            self._store_products, self._change = script(STORE_PRODUCTS), script(CHANGE)
            self._forget = script(FORGET)

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
        await self._call(self._store_products, [ERA, *map(_key, values)], arguments)

    async def page(self, name: str) -> Leased | None:
        """Return what is known of a page; `None` when Redis is away."""
        if self._connection() is None:
            return None
        found = await self._call(self._fetch_page, [PAGES], [name])
        if found is None:
            return None
        generation, value, now = found
        return Leased(value, generation.decode(), age=(int(now) - int(generation)) / 1e6)

    async def keep_page(self, name: str, generation: str, value: bytes) -> None:
        """Store a page unless the catalogue has changed since."""
        if self._connection():
            arguments = [generation, name, value, self._life(self._seconds)]
            await self._call(self._store_page, [PAGES], arguments)

    async def change(self, values: Mapping[int, bytes], notice: bytes, *, pages: bool) -> bool:
        """Replace products (by nothing, where the value is empty) and give notice of it.

        `pages`: forget all pages, too. Returns whether it was done.
        """
        if self._connection() is None:
            return False
        keys = [PAGES, ERA, *map(_key, values)]
        arguments: list[Any] = [self._life(max(self._seconds, GENERATION_S)), int(pages), notice]
        arguments += [*values.values(), CHANNEL]
        return await self._call(self._change, keys, arguments) is not None

    async def forget(self) -> bool:
        """Forget all products and pages. Returns whether it was done."""
        if self._connection() is None:
            return False
        return await self._call(self._forget, [PAGES, ERA], []) is not None

    def _connection(self) -> "redis.asyncio.Redis | None":
        return self._redis if time.monotonic() >= self._away_until else None

    async def _call(self, script: Any, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        try:
            return await script(keys, arguments)
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
