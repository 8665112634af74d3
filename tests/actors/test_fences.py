"""What a host may not do with carts that may be elsewhere: no stale answer, no late save."""

import asyncio

from pearshop.actors.host import CartHost
from pearshop.actors.lease import LEASE_S
from pearshop.actors.messages import Call, Moved, ReadCart
from pearshop.actors.placement import host_of
from pearshop.db.order import PlaceOrder
from pearshop.domain.cart import AddLine, Cart
from pearshop.errors import Unavailable
from tests.actors.fakes import (
    FAR,
    Clock,
    MemoryStore,
    call,
    change_behind_its_back,
    confirmed,
    quantity,
)


async def test_a_stale_copy_is_fenced_and_the_command_runs_on_the_stored_cart(
    host: CartHost, store: MemoryStore
) -> None:
    await host.execute(1, [call(1, AddLine(5, 1))])
    change_behind_its_back(store, 1, product=6)
    [reply] = await host.execute(1, [call(1, AddLine(6, 1))])
    assert quantity(reply) == 8
    assert host.stats()["fenced"] == 1


async def test_a_copy_whose_lease_lapsed_looks_at_the_store(
    host: CartHost, store: MemoryStore, clock: Clock
) -> None:
    await confirmed(host)
    await host.execute(1, [call(1, AddLine(5, 1))])
    change_behind_its_back(store, 1, product=6)
    [hot] = await host.execute(1, [call(1, ReadCart())])
    assert isinstance(hot, Cart)
    assert len(hot.lines) == 1
    clock.now += LEASE_S * 1.01
    [read] = await host.execute(1, [call(1, ReadCart())])
    assert isinstance(read, Cart)
    assert len(read.lines) == 2


async def test_without_the_database_and_the_lease_a_read_is_not_guessed(
    host: CartHost, store: MemoryStore, clock: Clock
) -> None:
    await host.execute(1, [call(1, AddLine(5, 1))])
    clock.now += LEASE_S * 1.01
    store.faults.append("load")
    [read] = await host.execute(1, [call(1, ReadCart())])
    assert read == Unavailable("load")


async def test_a_caller_who_knows_a_newer_placement_makes_the_host_ask(
    host: CartHost, store: MemoryStore
) -> None:
    await host.execute(1, [call(1, AddLine(5, 1))])
    change_behind_its_back(store, 1, product=6)
    store.epoch = 2
    [read] = await host.execute(2, [call(1, ReadCart())])
    assert isinstance(read, Cart)
    assert len(read.lines) == 2


async def test_what_moved_to_another_host_is_sent_on(host: CartHost, store: MemoryStore) -> None:
    users = range(1, 40)
    await host.execute(1, [call(user, AddLine(5, 1)) for user in users])
    store.epoch, store.hosts = 2, 2
    replies = await host.execute(2, [call(user, AddLine(5, 1)) for user in users])
    for user, reply in zip(users, replies, strict=True):
        if host_of(user, 2) == 0:
            assert quantity(reply) == 2
        else:
            assert reply == Moved()
            assert store.carts[user].lines[0].quantity == 1


async def test_a_host_whose_place_was_taken_stores_nothing_and_says_so(
    host: CartHost, store: MemoryStore
) -> None:
    await host.execute(1, [call(1, AddLine(5, 1))])
    store.incarnation += 1
    [reply] = await host.execute(1, [call(1, AddLine(5, 1))])
    assert isinstance(reply, Moved)
    assert store.carts[1].lines[0].quantity == 1
    assert host.lease.is_over
    assert await host.execute(1, [call(1, ReadCart())]) == [Moved()]


async def test_an_order_under_a_grant_that_is_over_is_sent_on(
    host: CartHost, store: MemoryStore
) -> None:
    await host.execute(1, [call(1, AddLine(5, 1))])
    store.incarnation += 1
    wish = PlaceOrder(1, "ada", b"k", b"", (1,), "Here")
    assert await host.execute(1, [Call(1, wish, b"k", b"", FAR)]) == [Moved()]


async def test_whoever_takes_over_waits_out_the_lease_before_storing(
    host: CartHost, clock: Clock
) -> None:
    began = clock.now
    await host.execute(1, [call(1, AddLine(5, 1))])
    assert clock.now >= began + LEASE_S


async def test_carts_that_moved_leave_memory(host: CartHost, store: MemoryStore) -> None:
    await host.execute(1, [call(user, ReadCart()) for user in range(1, 40)])
    living = asyncio.create_task(host.live())
    await asyncio.sleep(0.01)
    store.epoch, store.hosts = 2, 2
    while host.stats()["hot"] == 39:
        await asyncio.sleep(0.01)
    assert host.stats()["hot"] == sum(host_of(user, 2) == 0 for user in range(1, 40))
    living.cancel()


async def test_a_cart_that_moves_while_it_waits_its_turn_is_not_stored_here(
    host: CartHost, store: MemoryStore
) -> None:
    moving = next(user for user in range(1, 99) if host_of(user, 2) == 1)
    staying = next(user for user in range(1, 99) if host_of(user, 2) == 0)
    await confirmed(host)
    await host.execute(1, [call(moving, ReadCart()), call(staying, ReadCart())])
    store.gate = asyncio.Event()
    first = asyncio.create_task(host.execute(1, [call(staying, AddLine(5, 1))]))
    while not store.saves:
        await asyncio.sleep(0)
    second = asyncio.create_task(host.execute(1, [call(moving, AddLine(5, 1))]))
    await asyncio.sleep(0.01)
    store.epoch, store.hosts = 2, 2
    renewing = asyncio.create_task(host.lease.renew())
    await asyncio.sleep(0.01)
    store.gate.set()
    await renewing
    assert await second == [Moved()]
    assert moving not in store.carts
    assert quantity((await first)[0]) == 1


async def test_a_host_that_gets_carts_back_waits_before_it_stores_what_lay_there(
    host: CartHost, store: MemoryStore, clock: Clock
) -> None:
    await confirmed(host)
    await host.execute(1, [call(1, ReadCart())])
    store.epoch = 3  # away and back, unnoticed
    began = clock.now
    [reply] = await host.execute(1, [call(1, AddLine(5, 1))])
    assert quantity(reply) == 1
    assert clock.now >= began + LEASE_S


async def test_a_read_that_comes_during_a_load_is_not_answered_from_before_it_came(
    host: CartHost, store: MemoryStore, clock: Clock
) -> None:
    await confirmed(host)
    clock.now += LEASE_S
    store.gate = asyncio.Event()
    early = asyncio.create_task(host.execute(1, [call(1, ReadCart())]))
    while not store.loads:
        await asyncio.sleep(0)
    late = asyncio.create_task(host.execute(1, [call(1, ReadCart())]))
    await asyncio.sleep(0.01)
    store.gate.set()
    await asyncio.gather(early, late)
    assert len(store.loads) == 2
