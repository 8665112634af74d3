"""Whether the shop may be sent requests: what it stands on is asked, at most once a second."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from starlette.responses import Response

from pearshop.actors.batching import detached
from pearshop.actors.carts import Carts
from pearshop.db import shop
from pearshop.db.execute import Database
from pearshop.db.migrate import head, is_known
from pearshop.errors import Unavailable
from pearshop.http import answers

KEPT_S = 1.0
"""How long a finding is told again."""
PATIENCE_S = 1.0
"""How long each part has to answer."""


class Part(NamedTuple):
    """What was found of one part; `detail` is empty when nothing is wrong."""

    part: str
    detail: str
    ms: float

    def render(self) -> dict[str, Any]:
        """Return its members, see `PartOut`."""
        return {**self._asdict(), "ready": not self.detail}


@dataclass(frozen=True)
class Health:
    """What was found of all parts."""

    parts: tuple[Part, ...]

    @property
    def lacks(self) -> str:
        """What keeps the shop from being ready, in words; empty if nothing does.

        One cart host is enough: the carts of another one wait until Ray has started it again.
        """
        hosts = [each for each in self.parts if each.part.startswith(HOST)]
        others = [each for each in self.parts if each not in hosts and each.detail]
        if not any(not each.detail for each in hosts):
            others += hosts
        return "; ".join(f"{each.part}: {each.detail}" for each in others)

    def answer(self) -> Response:
        """Return 200, or 503 that says what is wrong."""
        parts = [each.render() for each in self.parts]
        if lacks := self.lacks:
            extra = {"safe_to_repeat": True, "parts": parts}
            headers = {**answers.NO_STORE, "Retry-After": "1"}
            return answers.problem(503, f"Not ready. {lacks}", "not_ready", extra, headers)
        return answers.json({"status": "ready", "parts": parts}, headers=answers.NO_STORE)


HOST = "cart host"


class Readiness:
    """Asks the parts, once for all who want to know within a second."""

    def __init__(
        self,
        database: Database,
        carts: Carts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._carts = carts
        self._needed = head()
        self._clock = clock
        self._found: Health | None = None
        self._found_at = 0.0
        self._looking: asyncio.Task[Health] | None = None

    async def look(self) -> Health:
        """Return how things stand, as of a second ago at most."""
        if self._found is not None and self._clock() - self._found_at < KEPT_S:
            return self._found
        if self._looking is None or self._looking.done():
            self._looking = detached(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> Health:
        hosts = (self._host(number) for number in range(self._carts.placement.hosts))
        store, found = await asyncio.gather(self._store(), asyncio.gather(*hosts))
        self._found = Health((*store, *found))
        self._found_at = self._clock()
        return self._found

    async def _store(self) -> tuple[Part, ...]:
        began = self._clock()
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = await self._database.run(shop.revision)
        except (Unavailable, TimeoutError) as error:
            return (Part("database", str(error) or "does not answer", self._ms(began)),)
        ms = self._ms(began)
        # A newer schema is one that this code can live with, or the newer code would not be there.
        older = found != self._needed and (found is None or is_known(found))
        trouble = f"is {found}, not {self._needed}: run `pearshop migrate`" if older else ""
        return Part("database", "", ms), Part("schema", trouble, ms)

    async def _host(self, number: int) -> Part:
        began = self._clock()
        trouble = ""
        try:
            async with asyncio.timeout(PATIENCE_S):
                if not await self._carts.host_is_ready(number):
                    trouble = "has no lease at the moment"
        except (Unavailable, TimeoutError):
            trouble = "does not answer"
        return Part(f"{HOST} {number}", trouble, self._ms(began))

    def _ms(self, began: float) -> float:
        return round((self._clock() - began) * 1000, 1)
