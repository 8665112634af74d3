"""The dispatcher with a real database, real HTTP and real receivers; only waits are made short."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import Connection, event

from pearshop.db import delivery, webhook
from pearshop.db.execute import execute
from pearshop.db.webhook import Delivery, Webhook
from pearshop.domain.webhook import TOPICS, State
from pearshop.errors import Unavailable
from pearshop.settings import Settings
from pearshop.webhooks.dispatcher import Dispatcher
from pearshop.webhooks.message import SIGNATURE
from pearshop.webhooks.resolving import Resolver
from pearshop.webhooks.schedule import ATTEMPTS
from pearshop.webhooks.sender import Answer, Sender
from tests.db.conftest import rows
from tests.db.test_delivery import SECRET, Told, told
from tests.receiver import Receiver, receiving
from tests.standby import LocalDatabase
from tests.waiting import until
from tests.webhooks.test_message import verify

__all__ = ["rows", "told"]


class Working:
    """A dispatcher at work, and what it works on."""

    def __init__(self, told: Told, dispatcher: Dispatcher) -> None:
        self.told = told
        self.dispatcher = dispatcher

    def subscribe(self, url: str) -> Webhook:
        return self.told.run(webhook.create, url, TOPICS, SECRET, self.told.owner)

    async def logged(self, subscriber: Webhook, state: State, count: int) -> list[Delivery]:
        """Wait until so many deliveries stand so; return them, the oldest event first."""

        def found() -> list[Delivery]:
            arguments = (subscriber.id, state, 100, None)
            return self.told.run(webhook.log, *arguments)[::-1]

        async def are_there() -> bool:
            return len(await asyncio.to_thread(found)) >= count

        await until(are_there)
        return found()


@pytest.fixture
def receivers() -> Iterator[Callable[..., Receiver]]:
    with ExitStack() as running:
        yield lambda **how: running.enter_context(receiving(**how))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[LocalDatabase]:
    database = LocalDatabase(Settings(database_url=database_url))
    yield database
    database.close()


@pytest.fixture
async def working(told: Told, database: LocalDatabase) -> AsyncIterator[Working]:
    sender = Sender(Resolver(private=True, lookups=8).resolve, timeout=60)
    dispatcher = Dispatcher(database, sender, poll=0.02, chance=lambda: 0.0)
    work = asyncio.create_task(dispatcher.run())
    yield Working(told, dispatcher)
    dispatcher.stop()
    await work
    await sender.close()


def nobody() -> str:
    """Return a URL that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}/"


async def test_events_arrive_signed_and_in_order(
    working: Working, receivers: Callable[..., Receiver]
) -> None:
    receiver = receivers()
    subscriber = working.subscribe(receiver.url)
    events = [working.told.event(subject) for subject in range(20)]
    await working.logged(subscriber, State.DELIVERED, 20)
    assert receiver.ids == events
    assert receiver.most_under_way == 1
    for received in receiver.received:
        assert verify()(SECRET, received.headers[SIGNATURE], received.body)
        assert received.event["topic"] == "order.placed"
    assert working.dispatcher.counts == {State.DELIVERED: 20}


async def test_one_that_fails_twice_is_told_at_the_third_time(
    working: Working, receivers: Callable[..., Receiver]
) -> None:
    receiver = receivers()
    receiver.statuses.extend([500, 500])
    subscriber = working.subscribe(receiver.url)
    event = working.told.event(1)
    [log] = await working.logged(subscriber, State.DELIVERED, 1)
    assert receiver.ids == [event] * 3
    assert len({received.body for received in receiver.received}) == 1
    assert (log.attempts, log.last_status, log.last_error) == (3, 204, "")
    assert working.dispatcher.counts == {State.PENDING: 2, State.DELIVERED: 1}


async def test_dead_and_slow_ones_delay_no_other(
    working: Working, receivers: Callable[..., Receiver]
) -> None:
    slow, well = receivers(open_gate=False), receivers()
    subscribers = [working.subscribe(each) for each in (nobody(), slow.url, well.url)]
    events = [working.told.event(subject) for subject in range(10)]
    await working.logged(subscribers[2], State.DELIVERED, 10)
    assert well.ids == events
    assert slow.ids == events[:1]  # and not one more until it has answered
    slow.gate.set()
    await working.logged(subscribers[1], State.DELIVERED, 10)
    assert slow.ids == events
    assert slow.most_under_way == 1
    await working.logged(subscribers[0], State.FAILED, 10)
    dead = working.told.get(subscribers[0])
    assert (dead.active, dead.failures, dead.waiting) == (True, 10 * ATTEMPTS, 0)
    assert dead.failing_since is not None


async def test_an_event_that_a_receiver_cannot_take_holds_only_its_order(
    working: Working, receivers: Callable[..., Receiver]
) -> None:
    receiver = receivers()
    receiver.statuses.append(500)
    subscriber = working.subscribe(receiver.url)
    placed = working.told.event(1)
    packed, other = working.told.event(1, "order.packed"), working.told.event(2)
    await working.logged(subscriber, State.DELIVERED, 3)
    order = [each for each in receiver.ids if each != other]
    assert order == [placed, placed, packed]


async def test_redelivery_is_a_repeat_with_the_same_number(
    working: Working, receivers: Callable[..., Receiver]
) -> None:
    receiver = receivers()
    subscriber = working.subscribe(receiver.url)
    event = working.told.event(1)
    await working.logged(subscriber, State.DELIVERED, 1)
    working.told.run(webhook.redeliver, subscriber.id, event, working.told.owner)
    await working.logged(subscriber, State.DELIVERED, 1)
    assert receiver.ids == [event, event]


async def test_a_new_secret_signs_what_is_sent_from_then_on(
    working: Working, receivers: Callable[..., Receiver]
) -> None:
    receiver = receivers(open_gate=False)
    subscriber = working.subscribe(receiver.url)
    working.told.event(1)
    working.told.event(2)

    async def has_one() -> bool:
        return len(receiver.received) == 1

    await until(has_one)
    wish = webhook.Change(secret="another")
    working.told.run(webhook.change, subscriber.id, wish, working.told.owner)
    receiver.gate.set()
    await working.logged(subscriber, State.DELIVERED, 2)
    for secret, received in zip((SECRET, "another"), receiver.received, strict=True):
        assert verify()(secret, received.headers[SIGNATURE], received.body)


async def test_many_batches_of_events_that_nobody_wants_are_marked(working: Working) -> None:
    working.told.scalar(
        "WITH made AS (INSERT INTO outbox (topic, subject_id, payload) SELECT 'order.placed', n, "
        f"'{{}}' FROM generate_series(1, {3 * delivery.BATCH}) n RETURNING id) "
        "SELECT count(*) FROM made"
    )

    async def all_marked() -> bool:
        return bool(working.told.scalar("SELECT count(*) = 0 FROM outbox WHERE sent_at IS NULL"))

    await until(all_marked)


async def test_two_dispatchers_send_each_event_once(
    told: Told, database: LocalDatabase, receivers: Callable[..., Receiver]
) -> None:
    receiver = receivers()
    subscriber = told.run(webhook.create, receiver.url, TOPICS, SECRET, told.owner)
    events = [told.event(subject) for subject in range(30)]
    sender = Sender(Resolver(private=True, lookups=8).resolve)
    both = [Dispatcher(database, sender, poll=0.01) for _ in range(2)]
    work = [asyncio.create_task(each.run()) for each in both]
    await Working(told, both[0]).logged(subscriber, State.DELIVERED, 30)
    for each in both:
        each.stop()
    await asyncio.gather(*work)
    await sender.close()
    assert receiver.ids == events
    assert receiver.most_under_way == 1


class Unreliable:
    """A database that does not answer so often when it is to note something."""

    def __init__(self, told: Told, refusals: int) -> None:
        self._told = told
        self.refusals = refusals
        self.statements = 0

    async def run(self, operation: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if operation is delivery.note and self.refusals:
            self.refusals -= 1
            raise Unavailable("Away.", unknown=True)
        return execute(self._told.rows.engine, operation, args, kwargs).result()

    async def read(self, operation: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        raise AssertionError("not used")


class Defective:
    """A sender with a defect."""

    async def send(self, *_: object) -> Answer:
        raise RuntimeError("a defect")


async def test_what_was_sent_is_noted_once_the_database_is_back(
    told: Told, receivers: Callable[..., Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pearshop.webhooks.dispatcher.AGAIN_S", 0.01)
    receiver = receivers()
    subscriber = told.run(webhook.create, receiver.url, TOPICS, SECRET, told.owner)
    event_id = told.event(1)
    sender = Sender(Resolver(private=True, lookups=1).resolve)
    dispatcher = Dispatcher(Unreliable(told, 3), sender, poll=0.01)
    work = asyncio.create_task(dispatcher.run())
    await Working(told, dispatcher).logged(subscriber, State.DELIVERED, 1)
    dispatcher.stop()
    await work
    await sender.close()
    assert receiver.ids == [event_id]


async def test_a_stop_waits_for_what_is_under_way(
    told: Told, database: LocalDatabase, receivers: Callable[..., Receiver]
) -> None:
    receiver = receivers(open_gate=False)
    subscriber = told.run(webhook.create, receiver.url, TOPICS, SECRET, told.owner)
    event_id = told.event(1)
    told.event(2)
    sender = Sender(Resolver(private=True, lookups=1).resolve)
    dispatcher = Dispatcher(database, sender, poll=0.01)
    work = asyncio.create_task(dispatcher.run())

    async def has_one() -> bool:
        return len(receiver.received) == 1

    await until(has_one)
    dispatcher.stop()
    assert not work.done()
    receiver.gate.set()
    await work
    await sender.close()
    assert receiver.ids == [event_id]
    assert told.log(subscriber)[event_id].state == State.DELIVERED


async def test_a_defect_is_a_failed_attempt_and_ends_nothing(told: Told) -> None:
    subscriber = told.run(webhook.create, "https://a.example/", TOPICS, SECRET, told.owner)
    told.event(1)
    dispatcher = Dispatcher(Unreliable(told, 0), Defective(), poll=0.01, chance=lambda: 0.0)
    work = asyncio.create_task(dispatcher.run())
    [log] = await Working(told, dispatcher).logged(subscriber, State.FAILED, 1)
    dispatcher.stop()
    await work
    assert log.last_error == "a defect of the shop: see its log"


async def test_a_database_that_is_away_is_asked_again(told: Told) -> None:
    class Away(Unreliable):
        async def run(self, operation: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            self.statements += 1
            if self.statements < 3:
                raise Unavailable("Away.")
            return await super().run(operation, *args, **kwargs)

    told.event(1)
    dispatcher = Dispatcher(Away(told, 0), Defective(), poll=0.01)
    work = asyncio.create_task(dispatcher.run())

    async def marked() -> bool:
        return bool(told.scalar("SELECT count(*) = 0 FROM outbox WHERE sent_at IS NULL"))

    await until(marked)
    dispatcher.stop()
    await work


async def test_an_idle_one_sends_a_statement_a_look_and_writes_nothing(told: Told) -> None:
    told.run(webhook.create, "https://a.example/", TOPICS, SECRET, told.owner)
    sent: list[str] = []

    def noted(_c: Connection, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(told.rows.engine, "before_cursor_execute", noted)
    dispatcher = Dispatcher(Unreliable(told, 0), Defective(), poll=0.01)
    work = asyncio.create_task(dispatcher.run())

    async def has_looked() -> bool:
        return len(sent) > 5

    await until(has_looked)
    dispatcher.stop()
    await work
    assert set(sent) == {str(delivery.PULSE)}


async def test_a_claim_that_took_too_long_to_note_is_let_go(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pearshop.webhooks.dispatcher.LEASE_S", 0.05)
    monkeypatch.setattr("pearshop.webhooks.dispatcher.AGAIN_S", 0.01)
    told.run(webhook.create, "https://a.example/", TOPICS, SECRET, told.owner)
    told.event(1)
    database = Unreliable(told, 1_000_000)
    dispatcher = Dispatcher(database, Defective(), poll=0.01)
    work = asyncio.create_task(dispatcher.run())

    async def tried() -> bool:
        return database.refusals < 1_000_000

    await until(tried)
    dispatcher.stop()
    await work
    database.refusals = 0
    told.let_lease_end()
    [claim] = told.take().values()
    assert claim.attempt == 2
