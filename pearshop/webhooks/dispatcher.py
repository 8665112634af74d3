"""Hands events on to subscribers, and sends them: to each one after the other, to all at once."""

import asyncio
import contextlib
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol

from pearshop.db import delivery
from pearshop.db.delivery import LEASE_S, Claim, HandedOn, Outcome
from pearshop.db.execute import Database
from pearshop.domain.webhook import State
from pearshop.errors import Unavailable
from pearshop.webhooks.message import Event, body_of, headers_of
from pearshop.webhooks.schedule import pause, wait
from pearshop.webhooks.sender import Answer

logger = logging.getLogger(__name__)

POLL_S = 1.0
"""How often an idle dispatcher looks whether there is anything to do."""
AGAIN_S = 1.0
"""Until the database is asked again that did not answer."""
NOTES_AT_ONCE = 2
"""Connections of the shop's pool that this takes from shoppers at most."""


class Sends(Protocol):
    """Sends messages, see `pearshop.webhooks.sender.Sender`."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a body, and tell what came of it."""


class Dispatcher:
    """Delivers at least once: what it took and did not note, whoever comes next takes again.

    A subscriber has one delivery under way at most, so that one that is slow or dead holds its
    own queue and nobody else's; and there are few subscribers, which bounds them all.
    """

    def __init__(
        self,
        database: Database,
        sender: Sends,
        *,
        poll: float = POLL_S,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._sender = sender
        self._poll = poll
        self._chance = chance
        self._wake = asyncio.Event()
        self._notes = asyncio.Semaphore(NOTES_AT_ONCE)
        self._under_way: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._waits = False
        self.counts: Counter[State] = Counter()
        """Attempts since the start, by what they left their delivery as."""
        self.outbox_age = 0.0
        """Of the oldest event that is not handed on, in s; 0 when all are."""

    async def run(self) -> None:
        """Work until `stop`, and until all that was taken by then is sent and noted."""
        while not self._stopping:
            self._wake.clear()
            try:
                more = await self._round()
                self._waits = False
            except Unavailable as error:
                if not self._waits:
                    logger.warning("Webhooks wait for the database: %s", error)
                more, self._waits = False, True
            if not more:
                await self._rest()
        if self._under_way:
            await asyncio.wait(self._under_way)

    def stop(self) -> None:
        """Let `run` come to its end."""
        self._stopping = True
        self._wake.set()

    async def _round(self) -> bool:
        """Do a bounded piece of what there is to do; return whether there is more of it."""
        found = await self._database.run(delivery.pulse)
        self.outbox_age = found.age.total_seconds() if found.age else 0.0
        handed_on = HandedOn(0, 0)
        if found.age is not None:
            handed_on = await self._database.run(delivery.hand_on)
        if found.due or handed_on.deliveries:
            for claim in await self._database.run(delivery.take):
                task = asyncio.create_task(self._deliver(claim))
                self._under_way.add(task)
                task.add_done_callback(self._under_way.discard)
        return handed_on.events >= delivery.BATCH

    async def _rest(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._poll):
                await self._wake.wait()

    async def _deliver(self, claim: Claim) -> None:
        until = time.monotonic() + LEASE_S
        outcome = self._judged(claim, await self._send(claim))
        self.counts[outcome.state] += 1
        if outcome.state == State.FAILED:
            logger.warning(
                "Webhook %d was not told of event %d after %d attempts: %s",
                *(claim.webhook_id, claim.event_id, claim.attempt, outcome.error),
            )
        while time.monotonic() < until:  # afterwards somebody else has taken it
            try:
                async with self._notes:
                    await self._database.run(delivery.note, claim, outcome)
                break
            except Unavailable:
                await asyncio.sleep(AGAIN_S)
        self._wake.set()

    async def _send(self, claim: Claim) -> Answer:
        event = Event(claim.event_id, claim.topic, claim.created_at, claim.payload)
        body = body_of(event)
        try:
            headers = headers_of(event, body, claim.secret, int(time.time()))
            return await self._sender.send(claim.url, headers, body)
        except Exception:
            logger.exception("Sending event %d met a defect.", claim.event_id)
            return Answer(None, "a defect of the shop: see its log", 0.0)

    def _judged(self, claim: Claim, answer: Answer) -> Outcome:
        duration = timedelta(seconds=answer.duration)
        if not answer.error:
            return Outcome(State.DELIVERED, answer.status, "", duration)
        until_next = wait(claim.attempt, self._chance())
        return Outcome(
            State.FAILED if until_next is None else State.PENDING,
            answer.status,
            answer.error,
            duration,
            timedelta(seconds=until_next or 0.0),
            timedelta(seconds=pause(claim.failures + 1, self._chance())),
        )
