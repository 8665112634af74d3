"""The cart host on a store in memory: order, groups, fences, doubts, bounds."""

import asyncio

import pytest

from pearshop.actors.cart import RUN_LENGTH
from pearshop.actors.host import CartHost, HostLimits
from pearshop.actors.messages import LineChanged, OrderPlaced, ReadCart
from pearshop.db.order import PlaceOrder
from pearshop.domain.cart import AddLine, Cart, CartCommand, ChangeLine, RemoveLine
from pearshop.errors import Conflict, KeyReused, NotFound, Unavailable
from tests.actors.fakes import (
    LIMITS,
    Clock,
    MemoryStore,
    call,
    change_behind_its_back,
    confirmed,
    quantity,
)


def defect() -> None:
    raise ZeroDivisionError


async def test_what_is_answered_is_stored(host: CartHost, store: MemoryStore) -> None:
    [reply] = await host.execute(1, [call(1, AddLine(5, 2))])
    assert quantity(reply) == 2
    assert store.carts[1].lines[0].quantity == 2


async def test_commands_of_one_cart_keep_their_order(host: CartHost) -> None:
    calls = [
        call(1, AddLine(5, 2)),
        call(1, ChangeLine(1, 9)),
        call(1, AddLine(5, 1)),
        call(1, ReadCart()),
        call(1, RemoveLine(1)),
        call(1, ReadCart()),
    ]
    replies = await host.execute(1, calls)
    assert [quantity(reply) for reply in replies[:3]] == [2, 9, 10]
    middle, last = replies[3], replies[5]
    assert isinstance(middle, Cart)
    assert [line.quantity for line in middle.lines] == [10]
    assert isinstance(last, Cart)
    assert last.lines == ()


async def test_carts_that_wait_share_one_load_and_one_commit(
    host: CartHost, store: MemoryStore
) -> None:
    await host.execute(1, [call(user, AddLine(5, 1)) for user in range(1, 51)])
    assert len(store.loads) <= 2
    store.saves.clear()
    await host.execute(1, [call(user, AddLine(5, 1)) for user in range(1, 51)])
    assert len(store.saves) <= 2
    assert sum(map(len, store.saves)) == 50


async def test_an_order_reads_its_cart_itself_and_brings_it_along(
    host: CartHost, store: MemoryStore
) -> None:
    for product in (5, 6):
        change_behind_its_back(store, 1, product)
    wish = PlaceOrder(1, "ada", b"key", b"", (1,), "Here")
    await confirmed(host)
    ordered, read = await host.execute(1, [call(1, wish), call(1, ReadCart())])
    assert isinstance(ordered, OrderPlaced)
    assert isinstance(read, Cart)
    assert [line.product_id for line in read.lines] == [6]
    assert store.loads == []
    assert host.stats()["activations"] == host.stats()["orders"] == 1


async def test_a_refused_order_for_a_cold_cart_leaves_it_cold(
    host: CartHost, store: MemoryStore
) -> None:
    wish = PlaceOrder(1, "ada", b"key", b"", (1,), "Here")
    refused, added = await host.execute(1, [call(1, wish), call(1, AddLine(5, 2))])
    assert isinstance(refused, Conflict)
    assert quantity(added) == 2
    assert store.loads == [[1]]


async def test_a_refusal_leaves_its_neighbours_alone(host: CartHost, store: MemoryStore) -> None:
    replies = await host.execute(
        1, [call(1, AddLine(5, 1)), call(1, RemoveLine(99)), call(1, AddLine(6, 1))]
    )
    assert isinstance(replies[1], NotFound)
    assert [line.product_id for line in store.carts[1].lines] == [5, 6]


async def test_a_repeat_answers_as_the_first_did(host: CartHost, store: MemoryStore) -> None:
    first = await host.execute(1, [call(1, AddLine(5, 2), "k")])
    await host.execute(1, [call(1, AddLine(5, 1))])
    [again] = await host.execute(1, [call(1, AddLine(5, 2), "k")])
    assert isinstance(again, LineChanged)
    assert again.repeated
    assert quantity(again) == quantity(first[0])
    assert store.carts[1].lines[0].quantity == 3


async def test_a_repeat_in_the_same_batch_is_done_once(host: CartHost, store: MemoryStore) -> None:
    replies = await host.execute(1, [call(1, AddLine(5, 2), "k"), call(1, AddLine(5, 2), "k")])
    assert [quantity(reply) for reply in replies] == [2, 2]
    assert store.carts[1].lines[0].quantity == 2


async def test_a_key_with_another_body_is_refused(host: CartHost) -> None:
    await host.execute(1, [call(1, AddLine(5, 2), "k")])
    [reply] = await host.execute(1, [call(1, AddLine(5, 3), "k")])
    assert isinstance(reply, KeyReused)


async def test_a_lost_answer_is_resolved_by_reading(host: CartHost, store: MemoryStore) -> None:
    await host.execute(1, [call(1, AddLine(5, 1))])
    store.faults.append("lose the answer")
    [reply] = await host.execute(1, [call(1, AddLine(5, 1))])
    assert quantity(reply) == 2
    assert store.carts[1].lines[0].quantity == 2


async def test_a_database_that_stays_away_ends_in_a_bounded_number_of_tries(
    host: CartHost, store: MemoryStore
) -> None:
    store.faults.extend(["refuse"] * 50)
    [reply] = await host.execute(1, [call(1, AddLine(5, 1))])
    assert isinstance(reply, Unavailable)
    assert not reply.unknown
    assert len(store.saves) <= 4


async def test_in_doubt_the_answer_says_so(host: CartHost, store: MemoryStore) -> None:
    await host.execute(1, [call(1, AddLine(5, 1))])
    store.faults.extend(["lose the answer", "load"])
    [reply] = await host.execute(1, [call(1, AddLine(5, 1))])
    assert isinstance(reply, Unavailable)
    assert reply.unknown


async def test_reads_of_a_hot_cart_do_not_touch_the_store(
    host: CartHost, store: MemoryStore
) -> None:
    await confirmed(host)
    await host.execute(1, [call(1, AddLine(5, 1))])
    store.loads.clear()
    await host.execute(1, [call(1, ReadCart()) for _ in range(20)])
    assert store.loads == []


async def test_idle_carts_leave_and_come_back(
    host: CartHost, store: MemoryStore, clock: Clock
) -> None:
    await host.execute(1, [call(1, AddLine(5, 1))])
    clock.now += LIMITS.idle_seconds + 1
    host.passivate()
    assert host.stats()["hot"] == 0
    [read] = await host.execute(1, [call(1, ReadCart())])
    assert isinstance(read, Cart)
    assert len(read.lines) == 1


async def test_the_longest_unused_leave_when_there_are_too_many(
    store: MemoryStore, clock: Clock
) -> None:
    host = CartHost(store, HostLimits(60, 3, 100), wall=clock, monotonic=clock, sleep=clock.sleep)
    await confirmed(host)
    for user in (1, 2, 3, 4, 5, 1):
        await host.execute(1, [call(user, ReadCart())])
    host.passivate()
    store.loads.clear()
    await host.execute(1, [call(user, ReadCart()) for user in (4, 5, 1)])
    assert store.loads == []
    assert host.stats()["hot"] == 3


async def test_a_busy_cart_does_not_leave(host: CartHost, store: MemoryStore, clock: Clock) -> None:
    await confirmed(host)
    store.gate = asyncio.Event()
    running = asyncio.create_task(host.execute(1, [call(1, AddLine(5, 1))]))
    await asyncio.sleep(0)
    clock.now += 1e6
    host.passivate()
    assert host.stats()["hot"] == 1
    clock.now = 1_000.0
    store.gate.set()
    assert quantity((await running)[0]) == 1


async def test_a_full_mailbox_refuses_at_once(store: MemoryStore, clock: Clock) -> None:
    host = CartHost(store, HostLimits(60, 100, 5), wall=clock, monotonic=clock, sleep=clock.sleep)
    replies = await host.execute(1, [call(1, AddLine(5, 1)) for _ in range(8)])
    refused = [reply for reply in replies if isinstance(reply, Unavailable)]
    assert len(refused) == 3
    assert not any(reply.unknown for reply in refused)
    assert store.carts[1].lines[0].quantity == 5


async def test_a_hammered_cart_takes_turns_with_its_neighbours(store: MemoryStore) -> None:
    clock = Clock()
    host = CartHost(
        store, HostLimits(60, 100, 1_000), wall=clock, monotonic=clock, sleep=clock.sleep
    )
    await host.execute(1, [call(1, ReadCart()), call(2, ReadCart())])
    hammering = [call(1, AddLine(5, 1)) for _ in range(RUN_LENGTH * 5)]
    await host.execute(1, [*hammering, call(2, AddLine(5, 1))])
    turns = [users for users in store.saves if 2 in users]
    assert store.saves.index(turns[0]) <= 1


async def test_what_nobody_waits_for_any_more_is_not_done(
    host: CartHost, store: MemoryStore, clock: Clock
) -> None:
    [reply] = await host.execute(1, [call(1, AddLine(5, 1), deadline=clock.now - 1)])
    assert isinstance(reply, Unavailable)
    await host.execute(1, [call(1, ReadCart())])
    assert 1 not in store.carts


@pytest.mark.parametrize(
    ("first", "between"),
    [
        (RemoveLine(1), None),
        (AddLine(5, 6_000), None),
        (ChangeLine(1, 3), RemoveLine(1)),
    ],
)
async def test_a_repeat_that_would_be_refused_now_answers_as_the_first_did(
    host: CartHost, first: CartCommand, between: CartCommand | None
) -> None:
    await host.execute(1, [call(1, AddLine(5, 1))])
    [before] = await host.execute(1, [call(1, first, "k")])
    if between is not None:
        await host.execute(1, [call(1, between)])
    [again] = await host.execute(1, [call(1, first, "k")])
    assert isinstance(before, LineChanged)
    assert again == LineChanged(before.line, repeated=True)


async def test_a_refusal_looks_for_its_key_once(host: CartHost, store: MemoryStore) -> None:
    await host.execute(1, [call(1, AddLine(5, 1))])
    store.loads.clear()
    replies = await host.execute(1, [call(1, RemoveLine(9)), call(1, RemoveLine(8))])
    assert all(isinstance(reply, NotFound) for reply in replies)
    assert len(store.loads) == 1


async def test_a_repeat_that_comes_during_a_load_is_looked_up_too(
    host: CartHost, store: MemoryStore, clock: Clock
) -> None:
    await host.execute(1, [call(1, AddLine(5, 1)), call(1, RemoveLine(1), "k")])
    clock.now += LIMITS.idle_seconds + 1
    host.passivate()
    store.gate = asyncio.Event()
    reading = asyncio.create_task(host.execute(1, [call(1, ReadCart())]))
    await asyncio.sleep(0.01)
    repeating = asyncio.create_task(host.execute(1, [call(1, RemoveLine(1), "k")]))
    await asyncio.sleep(0.01)
    store.gate.set()
    await reading
    assert await repeating == [LineChanged(None, repeated=True)]


async def test_a_save_refused_for_a_reason_unknown_leaves_doubt(
    host: CartHost, store: MemoryStore
) -> None:
    """The database may have stored it at a first try whose answer it lost, and refused a second."""
    await host.execute(1, [call(1, AddLine(5, 1))])
    change_behind_its_back(store, 1, product=6)
    store.faults.extend(["", "load"])
    [reply] = await host.execute(1, [call(1, AddLine(5, 1))])
    assert isinstance(reply, Unavailable)
    assert reply.unknown


async def test_a_defect_answers_all_in_doubt_and_the_cart_goes_on(
    host: CartHost, store: MemoryStore
) -> None:
    await host.execute(1, [call(1, ReadCart())])
    store.before_save = defect
    replies = await host.execute(1, [call(1, AddLine(5, 1)), call(1, AddLine(5, 1))])
    assert all(isinstance(reply, Unavailable) and reply.unknown for reply in replies)
    store.before_save = None
    [reply] = await host.execute(1, [call(1, AddLine(5, 1))])
    assert quantity(reply) == 1
