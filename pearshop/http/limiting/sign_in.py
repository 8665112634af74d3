"""Sign-in slows for a username that is being guessed at, without locking its owner out.

- One address may fail five times at one username in a quarter of an hour; one that has signed it in
  within thirty days is slowed then, for who guesses there may be the owner's neighbour.
- A username at which twenty attempts failed, wherever from, slows attempts from addresses that have
  not signed it in within thirty days, by up to two seconds each; few wait at a time, the next is
  refused. Addresses that know the password are not held up, so the owner keeps coming in.

All of it is done before the username is looked up, and for unknown ones alike, so it tells nobody
which usernames there are. Success does not reset a count: a guesser with an account could use that.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from pearshop.domain.user import username_key
from pearshop.errors import Unauthenticated
from pearshop.http.limiting.counts import MOST, Counts
from pearshop.http.limiting.rates import Rate, too_many
from pearshop.http.limiting.shared import Shared

FAILURES_S = 15 * 60
FAILURES = 5
"""Failures of one address at one username; what is under way there counts as one, too."""
CALM = 20
"""Failures at one username, by anyone, from which on strangers are slowed."""
DELAY_STEP_S = 0.1
MAX_DELAY_S = 2.0
DELAYED = 4
"""Attempts at one username that are delayed at a time, by one replica."""
ALL_DELAYED = 64
"""Attempts that are delayed at a time, by one replica."""
KNOWN_S = 30 * 24 * 3600
TOLD_S = 24 * 3600
"""How often Redis is told that an address is known."""


class SignIns:
    """Guards the attempts to sign in. `refused` counts those that were refused."""

    def __init__(
        self,
        shared: Shared,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._shared = shared
        self._clock = clock
        self._sleep = sleep
        here = Rate("sign-in-failures", FAILURES, FAILURES_S)
        most = Rate("username-failures", CALM + round(MAX_DELAY_S / DELAY_STEP_S), FAILURES_S)
        self._here = Counts(here, shared, clock)
        self._anywhere = Counts(most, shared, clock)
        self._under_way: Counter[str] = Counter()
        self._delayed: Counter[str] = Counter()
        self._known: dict[str, float] = {}
        self.refused = 0

    @asynccontextmanager
    async def attempt(self, username: str, address: str) -> AsyncIterator[None]:
        """Let one attempt pass, late perhaps, or raise `TooMany`.

        The block has to raise `Unauthenticated` if the username or the password was wrong.
        """
        username = username_key(username)
        pair = self._shared.name("known", username, address)
        is_beyond = await self._admit(pair)
        self._under_way[pair] += 1
        try:
            await self._slow(
                username, MAX_DELAY_S if is_beyond else await self._delay(username, pair)
            )
            yield
        except Unauthenticated:
            await self._here.add(pair)
            await self._anywhere.add(username)
            raise
        finally:
            _less(self._under_way, pair)
        await self._get_to_know(pair)

    async def _admit(self, pair: str) -> bool:
        """Return whether this address has failed at this username too often.

        Raises `TooMany` if it has, unless it is one that knows the password.
        """
        standing = await self._here.look(pair)
        if standing.left > self._under_way[pair]:
            return False
        if not await self._knows(pair):
            self.refused += 1
            raise too_many(1 if standing.left else standing.seconds)
        return True

    async def _delay(self, username: str, pair: str) -> float:
        """Return how long (s) an attempt at this username has to wait."""
        standing = await self._anywhere.look(username)
        excess = standing.rate.amount - standing.left - CALM + 1
        if excess <= 0 or await self._knows(pair):
            return 0.0
        return min(MAX_DELAY_S, DELAY_STEP_S * excess)

    async def _slow(self, username: str, seconds: float) -> None:
        """Wait, if not too many wait already."""
        if not seconds:
            return
        if self._delayed[username] >= DELAYED or self._delayed.total() >= ALL_DELAYED:
            self.refused += 1
            raise too_many(round(MAX_DELAY_S))
        self._delayed[username] += 1
        try:
            await self._sleep(seconds)
        finally:
            _less(self._delayed, username)

    async def _knows(self, pair: str) -> bool:
        since = self._known.get(pair)
        if since is not None and self._clock() - since < KNOWN_S:
            return True
        return await self._shared.is_marked(pair)

    async def _get_to_know(self, pair: str) -> None:
        now = self._clock()
        if now - self._known.get(pair, 0.0) < TOLD_S:
            return
        if len(self._known) >= MOST:
            del self._known[next(iter(self._known))]
        self._known[pair] = now
        await self._shared.mark(pair, KNOWN_S)


def _less(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
