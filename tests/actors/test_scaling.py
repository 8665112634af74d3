"""Cart hosts come and go: who looks, who acts, and that carts move only to hosts that are there."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import Connection

from pearshop.actors.scaling import Scaler
from pearshop.db import placement as rows
from pearshop.db.placement import Placement
from pearshop.domain.scaling import QUIET_S, SURE, Bounds, Reading
from tests.actors.fakes import Clock

P = ParamSpec("P")
T = TypeVar("T")
EVERY_S = 2.0
HOT_LIMIT = 100


def placed(epoch: int, hosts: int) -> Placement:
    return Placement(epoch, hosts, tuple(f"host-{n}" for n in range(hosts)), "release")


class MemoryPlacement:
    """A database that holds the placement alone and keeps the real one's promises."""

    def __init__(self) -> None:
        self.placement = placed(1, 1)
        self.tries = 0

    async def run(
        self,
        operation: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **_: P.kwargs,
    ) -> T:
        values: tuple[Any, ...] = args
        done: Callable[..., Any] = operation
        if done is rows.bound_hosts:
            least, most, _release = values
            self._change(min(max(self.placement.hosts, least), most))
        else:
            assert done is rows.resize
            epoch, hosts = values
            self.tries += 1
            if epoch == self.placement.epoch:
                self._change(hosts)
        return cast("T", self.placement)

    def _change(self, hosts: int) -> None:
        if hosts != self.placement.hosts:
            self.placement = placed(self.placement.epoch + 1, hosts)

    read = run


class Hosts:
    """Processes that are full to some degree; of further ones only some can start."""

    def __init__(self, clock: Clock) -> None:
        self.full = 0.0
        self.room = 9
        self.silent: set[str] = set()
        self._clock = clock
        self._cpu_ms = 0.0
        self._at = clock()

    async def read(self, actors: Sequence[str]) -> dict[str, Reading]:
        self._cpu_ms += self.full * 1000 * (self._clock() - self._at)
        self._at = self._clock()
        reading = Reading(int(self._cpu_ms), int(self._at * 1000), 0)
        return {actor: reading for actor in actors if actor not in self.silent}

    async def prepare(self, numbers: Sequence[int]) -> int:
        return sum(number < self.room for number in numbers)


class Shop:
    """Replicas that look at the same hosts, each when it is its turn."""

    def __init__(self, replicas: int, release: str = "release") -> None:
        self.clock = Clock()
        self.database = MemoryPlacement()
        self.hosts = Hosts(self.clock)
        self.scalers = [
            Scaler(self.hosts, self.database, release, HOT_LIMIT, monotonic=self.clock)
            for _ in range(replicas)
        ]

    async def bound(self, least: int, most: int) -> None:
        for each in self.scalers:
            await each.bound(Bounds(least, most))

    async def look(self, times: int) -> list[int]:
        """Have all look at the placement of one moment, so many times; return the sizes."""
        sizes = []
        for _ in range(times):
            self.clock.now += EVERY_S
            placement = self.database.placement
            for each in self.scalers:
                await each.look(placement)
            sizes.append(self.database.placement.hosts)
        return sizes


async def test_of_several_replicas_one_changes_the_number_once() -> None:
    shop = Shop(replicas=3)
    await shop.bound(1, 4)
    shop.hosts.full = 1.0
    assert await shop.look(SURE + 1) == [1] * SURE + [2]
    assert shop.database.tries == 3
    assert shop.database.placement.epoch == 2


async def test_a_change_starts_the_observation_anew() -> None:
    shop = Shop(replicas=2)
    await shop.bound(1, 4)
    shop.hosts.full = 1.0
    await shop.look(SURE + 1)
    # The first look at the new host has nothing to compare with.
    assert await shop.look(SURE + 1) == [2] * SURE + [4]


async def test_carts_move_only_to_hosts_that_are_there() -> None:
    shop = Shop(replicas=1)
    await shop.bound(1, 8)
    shop.hosts.full = 1.0
    shop.hosts.room = 1
    assert set(await shop.look(9)) == {1}
    assert shop.database.tries == 0
    shop.hosts.room = 3
    assert set(await shop.look(9)) == {2, 3}


async def test_it_comes_down_one_by_one_and_not_below_the_bounds() -> None:
    shop = Shop(replicas=2)
    await shop.bound(4, 4)
    await shop.bound(2, 4)
    quiet = int(QUIET_S / EVERY_S)
    sizes = await shop.look(4 * quiet)
    assert sorted(set(sizes), reverse=True) == [4, 3, 2]
    assert sizes.count(3) >= quiet
    assert sizes[-1] == 2


async def test_while_a_host_is_silent_nothing_changes() -> None:
    shop = Shop(replicas=1)
    await shop.bound(2, 4)
    shop.hosts.silent = {"host-1"}
    for shop.hosts.full in (1.0, 0.0):
        assert set(await shop.look(60)) == {2}


async def test_a_new_replica_neither_jumps_nor_repeats_what_others_have_done() -> None:
    shop = Shop(replicas=1)
    await shop.bound(1, 4)
    shop.hosts.full = 1.0
    await shop.look(SURE + 1)
    late = Shop(replicas=1)
    late.database = shop.database
    late.scalers = [Scaler(shop.hosts, shop.database, "release", HOT_LIMIT, monotonic=shop.clock)]
    await late.bound(1, 4)
    shop.hosts.full = 0.6
    late.clock = shop.clock
    assert set(await late.look(100)) == {2}


async def test_a_replica_of_another_release_or_with_old_bounds_leaves_it_to_the_others() -> None:
    shop = Shop(replicas=1)
    await shop.bound(1, 4)
    shop.hosts.full = 1.0
    shop.database.placement = replace(shop.database.placement, release="next")
    assert set(await shop.look(9)) == {1}
    shop.database.placement = placed(7, 6)
    assert set(await shop.look(9)) == {6}
    assert shop.database.tries == 0
