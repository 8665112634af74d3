"""Readiness: what is asked, how often, and what keeps a shop from being ready. Pure."""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from pearshop.actors.carts import Carts
from pearshop.actors.messages import Call, Reply
from pearshop.db.migrate import head
from pearshop.db.placement import Placement
from pearshop.errors import Unavailable
from pearshop.http import health
from pearshop.http.health import KEPT_S, Readiness
from tests.actors.fakes import Clock

HOSTS = ("host-0", "host-1")


class Parts:
    """A database and cart hosts that do as they are told."""

    def __init__(self) -> None:
        self.revision: str | None = head()
        self.away: set[str] = set()
        self.hanging: set[str] = set()
        self.asked = 0

    async def run(self, *_: Any, **__: Any) -> Any:
        self.asked += 1
        await self._answer("database")
        return self.revision

    read = run

    async def execute(self, actor: str, epoch: int, calls: Sequence[Call]) -> list[Reply]:
        raise AssertionError(actor, epoch, calls)

    async def is_ready(self, actor: str) -> bool:
        await self._answer(actor)
        return "no lease" not in self.away

    async def _answer(self, who: str) -> None:
        await asyncio.sleep(0)
        if who in self.hanging:
            await asyncio.Event().wait()
        if who in self.away:
            raise Unavailable("The database cannot be reached.")


async def _nothing_new() -> None:
    """Look for the carts."""


@pytest.fixture
def parts() -> Parts:
    return Parts()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def readiness(parts: Parts, clock: Clock) -> Readiness:
    carts = Carts(parts, Placement(1, 2, HOSTS), _nothing_new)
    return Readiness(parts, carts, clock)


async def test_a_shop_that_has_all_is_ready(readiness: Readiness) -> None:
    answer = (await readiness.look()).answer()
    assert answer.status_code == 200
    told = orjson.loads(answer.body)
    assert [each["part"] for each in told["parts"]] == [
        *("database", "schema", "cart host 0", "cart host 1")
    ]


@pytest.mark.parametrize(
    ("away", "says"),
    [
        ({"database"}, "database: The database cannot be reached."),
        ({*HOSTS}, "cart host 0: does not answer; cart host 1: does not answer"),
        ({"no lease"}, "has no lease"),
    ],
)
async def test_what_is_away_is_told(
    readiness: Readiness, parts: Parts, away: set[str], says: str
) -> None:
    parts.away = away
    answer = (await readiness.look()).answer()
    assert answer.status_code == 503
    assert says in orjson.loads(answer.body)["detail"]


async def test_what_hangs_is_not_waited_for(
    readiness: Readiness, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PATIENCE_S", 0.01)
    parts.hanging = {"database", *HOSTS}
    assert "database: does not answer; cart host 0: does not" in (await readiness.look()).lacks


async def test_one_cart_host_is_enough_and_the_other_is_told_of(
    readiness: Readiness, parts: Parts
) -> None:
    parts.away = {"host-1"}
    found = await readiness.look()
    assert found.answer().status_code == 200
    assert [each.detail for each in found.parts] == ["", "", "", "does not answer"]


@pytest.mark.parametrize(("revision", "ready"), [("0001", False), (None, False), ("9999", True)])
async def test_an_older_schema_will_not_do_and_a_newer_one_will(
    readiness: Readiness, parts: Parts, revision: str | None, ready: bool
) -> None:
    parts.revision = revision
    assert (not (await readiness.look()).lacks) == ready


async def test_it_is_found_out_once_a_second_for_all(
    readiness: Readiness, parts: Parts, clock: Clock
) -> None:
    await asyncio.gather(*(readiness.look() for _ in range(9)))
    clock.now += KEPT_S / 2
    await readiness.look()
    assert parts.asked == 1
    clock.now += KEPT_S
    await readiness.look()
    assert parts.asked == 2
