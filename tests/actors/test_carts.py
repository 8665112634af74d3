"""The way to the cart actors: retries under one key, deadlines, early refusal."""

import asyncio
import time
from collections.abc import Sequence

import pytest

from pearshop.actors.carts import TURNS, Carts
from pearshop.actors.messages import Call, LineChanged, Moved, Reply
from pearshop.actors.placement import host_of
from pearshop.db.placement import Placement
from pearshop.domain.cart import AddLine, CartLine
from pearshop.errors import NotFound, Unavailable
from tests.actors.fakes import call

DONE = LineChanged(CartLine(1, 5, 1, 0, 0))


class ScriptedHosts:
    """Answers each call by the next reply of a script, and remembers what it was sent."""

    def __init__(self, *script: Reply) -> None:
        self.script = list(script)
        self.sent: list[tuple[str, int, Sequence[Call]]] = []
        self.gate: asyncio.Event | None = None
        self.gone = False
        self.hangs = ""

    async def execute(self, actor: str, epoch: int, calls: Sequence[Call]) -> list[Reply]:
        self.sent.append((actor, epoch, calls))
        if actor == self.hangs:
            await asyncio.Event().wait()
        if self.gate is not None:
            await self.gate.wait()
        if self.gone:
            return [Moved()] * len(calls)
        reply = self.script.pop(0) if self.script else DONE
        if isinstance(reply, Unavailable) and reply.detail == "died":
            raise reply
        return [reply] * len(calls)

    async def is_ready(self, actor: str) -> bool:
        if self.gone:
            raise Unavailable(actor)
        return actor != self.hangs


async def nowhere() -> None:
    """Look for the carts, and find nothing new."""


def placed(epoch: int, hosts: int) -> Placement:
    return Placement(epoch, hosts, tuple(f"host-{number}" for number in range(hosts)))


def add(user: int = 1, seconds: float = 30) -> Call:
    return call(user, AddLine(5, 1), deadline=time.time() + seconds)


async def test_calls_that_gather_travel_together() -> None:
    hosts = ScriptedHosts()
    carts = Carts(hosts, placed(1, 1), nowhere)
    replies = await asyncio.gather(*(carts.execute(add(user)) for user in range(1, 101)))
    assert replies == [DONE] * 100
    assert len(hosts.sent) <= 3


async def test_a_host_that_dies_is_asked_again_with_the_same_key() -> None:
    hosts = ScriptedHosts(Unavailable("died", unknown=True), Unavailable("died", unknown=True))
    wish = add()
    assert await Carts(hosts, placed(1, 1), nowhere).execute(wish) == DONE
    assert [calls[0].key for _, _, calls in hosts.sent] == [wish.key] * 3


async def test_a_refusal_is_final() -> None:
    hosts = ScriptedHosts(NotFound("no"))
    with pytest.raises(NotFound):
        await Carts(hosts, placed(1, 1), nowhere).execute(add())
    assert len(hosts.sent) == 1


async def test_overload_is_told_at_once_and_certainly_not_done() -> None:
    hosts = ScriptedHosts(Unavailable("full"))
    with pytest.raises(Unavailable) as error:
        await Carts(hosts, placed(1, 1), nowhere).execute(add())
    assert not error.value.unknown
    assert len(hosts.sent) == 1


async def test_nobody_waits_beyond_the_deadline() -> None:
    hosts = ScriptedHosts()
    hosts.gate = asyncio.Event()
    with pytest.raises(Unavailable) as error:
        await Carts(hosts, placed(1, 1), nowhere).execute(add(seconds=0.05))
    assert error.value.unknown


async def test_a_queue_that_is_full_refuses() -> None:
    hosts = ScriptedHosts()
    hosts.gate = asyncio.Event()
    carts = Carts(hosts, placed(1, 1), nowhere, queue_limit=2)
    running = []
    for user in range(1, 7):
        running.append(asyncio.create_task(carts.execute(add(user))))
        for _ in range(TURNS + 3):  # until the first one travels
            await asyncio.sleep(0)
    hosts.gate.set()
    results = await asyncio.gather(*running, return_exceptions=True)
    refused = [result for result in results if isinstance(result, Unavailable)]
    assert len(refused) == 3
    assert results.count(DONE) == 3


async def test_a_newer_placement_counts_and_an_older_one_does_not() -> None:
    hosts = ScriptedHosts()
    carts = Carts(hosts, placed(3, 1), nowhere)
    carts.move(placed(2, 50))
    await carts.execute(add())
    assert hosts.sent[-1][:2] == ("host-0", 3)
    carts.move(placed(4, 50))
    await asyncio.gather(*(carts.execute(add(user)) for user in range(1, 40)))
    assert len({host for host, epoch, _ in hosts.sent if epoch == 4}) > 10


async def test_a_slow_batch_does_not_hold_up_the_next() -> None:
    hosts = ScriptedHosts()
    hosts.gate = asyncio.Event()
    carts = Carts(hosts, placed(1, 1), nowhere)
    slow = asyncio.create_task(carts.execute(add(1)))
    while not hosts.sent:
        await asyncio.sleep(0)
    gate, hosts.gate = hosts.gate, None
    assert await carts.execute(add(2)) == DONE
    assert not slow.done()
    gate.set()
    assert await slow == DONE


async def test_a_cart_that_moved_is_found_and_asked_for_there() -> None:
    hosts = ScriptedHosts(Moved(), Moved())
    looks = []

    async def look() -> None:
        looks.append(1)
        carts.move(placed(len(looks) + 1, 1))

    carts = Carts(hosts, placed(1, 1), look)
    wish = add()
    assert await carts.execute(wish) == DONE
    assert [epoch for _, epoch, _ in hosts.sent] == [1, 2, 3]
    assert {calls[0].key for _, _, calls in hosts.sent} == {wish.key}


async def test_all_who_look_for_their_carts_look_once() -> None:
    hosts = ScriptedHosts()
    looks = []

    async def look() -> None:
        looks.append(1)
        await asyncio.sleep(0.01)
        hosts.gone = False

    hosts.gone = True
    carts = Carts(hosts, placed(1, 1), look)
    await asyncio.gather(*(carts.execute(add(user)) for user in range(1, 20)))
    assert len(looks) == 1


async def test_a_doubt_outlives_the_move() -> None:
    hosts = ScriptedHosts(Moved(unknown=True), Unavailable("full"))
    with pytest.raises(Unavailable) as error:
        await Carts(hosts, placed(1, 1), nowhere).execute(add())
    assert error.value.unknown


async def test_one_cart_cannot_take_all_the_room() -> None:
    hosts = ScriptedHosts()
    hosts.gate = asyncio.Event()
    carts = Carts(hosts, placed(1, 1), nowhere, cart_limit=5)
    hammering = [asyncio.create_task(carts.execute(add(1))) for _ in range(8)]
    neighbour = asyncio.create_task(carts.execute(add(2)))
    while sum(each.done() for each in hammering) < 3:
        await asyncio.sleep(0)
    hosts.gate.set()
    results = await asyncio.gather(*hammering, neighbour, return_exceptions=True)
    refused = [result for result in results if isinstance(result, Unavailable)]
    assert len(refused) == 3
    assert not any(result.unknown for result in refused)
    assert results[-1] == DONE
    assert await carts.execute(add(1)) == DONE


async def test_a_host_that_hangs_does_not_slow_the_batches_of_another() -> None:
    hosts = ScriptedHosts()
    hosts.hangs = "host-1"
    carts = Carts(hosts, placed(1, 2), nowhere)
    hung = next(user for user in range(1, 99) if host_of(user, 2) == 1)
    healthy = [user for user in range(1, 999) if host_of(user, 2) == 0][:200]
    waiting = [asyncio.create_task(carts.execute(add(hung, 0.3))) for _ in range(3)]
    await asyncio.gather(*(carts.execute(add(user)) for user in healthy))
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, Unavailable) and result.unknown for result in results)
    assert not carts._under_way[1, False]
