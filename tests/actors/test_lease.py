"""The lease: claimed once, confirmed from then on, over when another has the number."""

import asyncio

import pytest

from pearshop.actors.lease import LEASE_S, Lease
from pearshop.errors import Unavailable
from tests.actors.fakes import Clock, MemoryStore


@pytest.fixture
def lease(store: MemoryStore, clock: Clock) -> Lease:
    return Lease(store, monotonic=clock, sleep=clock.sleep)


async def test_a_number_is_claimed_once_and_confirmed_after(
    lease: Lease, store: MemoryStore
) -> None:
    for _ in range(5):
        await lease.renew()
    assert store.incarnation == 1
    assert store.confirmations == 5


async def test_all_who_renew_at_once_ask_once(lease: Lease, store: MemoryStore) -> None:
    await asyncio.gather(*(lease.renew() for _ in range(10)))
    assert store.confirmations == 1


async def test_it_is_good_from_when_it_was_asked_for(
    lease: Lease, store: MemoryStore, clock: Clock
) -> None:
    assert not lease.is_good
    store.gate = asyncio.Event()
    renewing = asyncio.create_task(lease.renew())
    while not store.confirmations:
        await asyncio.sleep(0)
    clock.now += LEASE_S * 0.6
    store.gate.set()
    await renewing
    assert lease.is_good
    clock.now += LEASE_S * 0.6
    assert not lease.is_good


async def test_a_fault_leaves_it_as_it_was_and_is_told(
    lease: Lease, store: MemoryStore, clock: Clock
) -> None:
    await lease.renew()
    store.faults.append("confirm")
    with pytest.raises(Unavailable):
        await lease.renew()
    assert lease.is_good
    clock.now += LEASE_S
    assert not lease.is_good
    await lease.renew()
    assert lease.is_good


async def test_a_new_epoch_doubts_all_copies_and_waits(
    lease: Lease, store: MemoryStore, clock: Clock
) -> None:
    await lease.ready(1)
    fence, began = lease.fence, clock.now
    store.epoch = 2
    await lease.ready(2)
    assert lease.fence > fence
    assert clock.now >= began + LEASE_S


async def test_a_caller_who_knows_no_more_makes_nobody_ask(
    lease: Lease, store: MemoryStore
) -> None:
    await lease.ready(1)
    for epoch in (0, 1):
        await lease.ready(epoch)
    assert store.confirmations == 1


async def test_it_is_over_when_another_claims_the_number(lease: Lease, store: MemoryStore) -> None:
    await lease.renew()
    assert not lease.is_over
    assert lease.owns(1)
    store.incarnation += 1
    await lease.renew()
    assert lease.is_over
    assert not lease.is_good
    assert not lease.owns(1)
    assert lease.successor is not None
    assert lease.successor.incarnation == 2


async def test_it_is_over_when_the_number_is_not_needed(lease: Lease, store: MemoryStore) -> None:
    await lease.renew()
    store.epoch, store.hosts = 2, 0
    await lease.renew()
    assert lease.is_over


async def test_a_process_whose_place_was_taken_keeps_nobody_waiting(
    lease: Lease, store: MemoryStore, clock: Clock
) -> None:
    await lease.ready(1)
    store.epoch, store.incarnation = 2, store.incarnation + 1
    began = clock.now
    for _ in range(3):
        await lease.renew()
        await lease.ready(2)
    assert lease.is_over
    assert clock.now == began
