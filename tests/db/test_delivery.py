"""From the outbox to subscribers: each event once, in order, to whoever is to be told of it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from pearshop.db import delivery, fulfilment, webhook
from pearshop.db.delivery import Claim, Outcome
from pearshop.db.order import Placed
from pearshop.db.webhook import Change, Delivery, Webhook
from pearshop.domain.fulfilment import Status
from pearshop.domain.webhook import TOPICS, State, Topic
from tests.db.conftest import WAITING, Rows
from tests.db.test_order import place_all, wish
from tests.db.test_plans import _nodes, _read
from tests.waiting import wait_for

SOON, LATER = timedelta(), timedelta(hours=1)
DELIVERED = Outcome(State.DELIVERED, 204, "", timedelta(milliseconds=7))
SECRET = "s" * 40


def refused(wait: timedelta = SOON, pause: timedelta = SOON) -> Outcome:
    return Outcome(State.PENDING, 500, "answered 500", timedelta(seconds=1), wait, pause)


class Told:
    """Subscribers and events, in a line each; and what comes of them."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.run = rows.run
        self.owner = rows.user().id
        self._hosts = 0

    def subscriber(self, *topics: Topic) -> Webhook:
        self._hosts += 1
        url = f"https://{self._hosts}.example/"
        return self.run(webhook.create, url, topics or TOPICS, SECRET, self.owner)

    def event(self, subject: int, topic: str = "order.placed") -> int:
        return int(
            self.scalar(
                "INSERT INTO outbox (topic, subject_id, payload) "
                f"VALUES ('{topic}', {subject}, '{{}}') RETURNING id"
            )
        )

    def scalar(self, statement: str) -> Any:
        with self.rows.engine.begin() as connection:
            return connection.execute(text(statement)).scalar_one()

    def hand_on(self) -> int:
        return self.run(delivery.hand_on).events

    def take(self) -> dict[int, Claim]:
        """Take what is due; return it by subscriber."""
        return {each.webhook_id: each for each in self.run(delivery.take)}

    def note(self, claim: Claim, outcome: Outcome) -> None:
        self.run(delivery.note, claim, outcome)

    def log(self, subscriber: Webhook) -> dict[int, Delivery]:
        """Return the deliveries to a subscriber, by event."""
        return {each.id: each for each in self.run(webhook.log, subscriber.id, None, 9_999, None)}

    def get(self, subscriber: Webhook) -> Webhook:
        return self.run(webhook.get, subscriber.id)

    def let_lease_end(self) -> None:
        with self.rows.engine.begin() as connection:
            connection.execute(text("UPDATE webhooks SET next_attempt_at = now()"))


@pytest.fixture
def told(rows: Rows) -> Told:
    return Told(rows)


class TestHandingOn:
    def test_goes_to_those_who_wanted_the_topic_and_is_marked(self, told: Told) -> None:
        everything, shipping = told.subscriber(), told.subscriber("order.shipped")
        placed, shipped = told.event(1), told.event(1, "order.shipped")
        age = told.run(delivery.pulse).age
        assert age is not None
        assert age > timedelta()
        assert told.hand_on() == 2
        assert told.log(everything).keys() == {placed, shipped}
        assert told.log(shipping).keys() == {shipped}
        assert told.scalar("SELECT count(*) FROM outbox WHERE sent_at IS NULL") == 0
        assert told.run(delivery.pulse).age is None
        assert told.hand_on() == 0

    def test_what_nobody_wants_is_marked_too(self, told: Told) -> None:
        told.event(1)
        assert told.run(delivery.hand_on) == (1, 0)
        assert told.scalar("SELECT count(*) FROM outbox WHERE sent_at IS NULL") == 0
        assert told.run(delivery.pulse) == (None, False)

    def test_is_in_batches_in_order(self, told: Told) -> None:
        subscriber = told.subscriber()
        events = [told.event(subject) for subject in range(5)]
        assert told.run(delivery.hand_on, 2) == (2, 2)
        assert sorted(told.log(subscriber)) == events[:2]
        assert [told.run(delivery.hand_on, 2).events for _ in range(3)] == [2, 1, 0]
        assert sorted(told.log(subscriber)) == events

    def test_is_for_subscribers_of_that_time_who_are_switched_on(self, told: Told) -> None:
        before = told.event(1)
        kept, off, gone = told.subscriber(), told.subscriber(), told.subscriber()
        told.run(webhook.change, off.id, Change(active=False), told.owner)
        after = told.event(2)
        told.run(webhook.remove, gone.id, told.owner)
        told.hand_on()
        assert told.log(kept).keys() == {after}
        assert before not in told.log(kept)
        assert told.log(off) == {}
        assert told.scalar("SELECT count(*) FROM webhook_deliveries") == 1

    def test_misses_no_event_whose_number_is_older_than_its_commit(
        self, told: Told, engine: Engine
    ) -> None:
        subscriber = told.subscriber()
        insert = (
            "INSERT INTO outbox (topic, subject_id, payload) VALUES ('order.placed', {}, '{{}}')"
        )
        with engine.connect() as slow:
            slow.execute(text(insert.format(1)))
            quick = told.event(2)
            told.hand_on()
            assert told.log(subscriber).keys() == {quick}
            slow.commit()
        told.hand_on()
        assert sorted(told.log(subscriber)) == [quick - 1, quick]

    def test_happens_once_however_many_do_it(self, told: Told) -> None:
        subscribers = [told.subscriber(), told.subscriber()]
        told.scalar(
            "WITH made AS (INSERT INTO outbox (topic, subject_id, payload) "
            "SELECT 'order.placed', n, '{}' FROM generate_series(1, 900) n RETURNING id) "
            "SELECT count(*) FROM made"
        )
        ready = threading.Barrier(4)

        def work(_: int) -> list[int]:
            ready.wait()
            return [told.run(delivery.hand_on, 50).events for _ in range(10)]

        with ThreadPoolExecutor(4) as threads:
            counts = [each for done in threads.map(work, range(4)) for each in done]
        assert sum(counts) == 900
        for each in subscribers:
            assert len(told.log(each)) == 900
        assert told.scalar("SELECT count(*) FROM outbox WHERE sent_at IS NULL") == 0

    def test_does_not_pass_an_event_that_another_is_handing_on(
        self, told: Told, engine: Engine
    ) -> None:
        """Or the second event of an order could be queued, and told, before its first."""
        subscriber = told.subscriber()
        placed, packed = told.event(1), told.event(1, "order.packed")
        with engine.connect() as first, ThreadPoolExecutor(1) as thread:
            delivery.hand_on(first, 1)
            second = thread.submit(told.run, delivery.hand_on)
            wait_for(lambda: second.done() or told.scalar(WAITING), "the other to wait")
            assert told.log(subscriber) == {}
            first.commit()
            assert second.result() == (1, 1)
        assert sorted(told.log(subscriber)) == [placed, packed]

    def test_follows_an_order_from_end_to_end(self, told: Told) -> None:
        subscriber = told.subscriber()
        user, pear = told.rows.user(), told.rows.product()
        told.rows.cart(user, **{f"p{pear.id}": 2})
        [placed] = place_all(told.rows, [wish(user, 1)])
        assert isinstance(placed, Placed)
        told.run(fulfilment.advance, placed.order.id, Status.PACKED, None, told.owner)
        told.run(fulfilment.advance, placed.order.id, Status.CANCELLED, None, told.owner)
        told.hand_on()
        for topic in ("order.placed", "order.packed", "order.cancelled"):
            claim = told.take()[subscriber.id]
            assert (claim.topic, claim.payload["order_id"]) == (topic, placed.order.id)
            assert (claim.url, claim.secret, claim.attempt) == (subscriber.url, SECRET, 1)
            told.note(claim, DELIVERED)
        assert told.take() == {}


class TestTaking:
    def test_one_event_of_each_subscriber_the_oldest_first(self, told: Told) -> None:
        subscribers = [told.subscriber(), told.subscriber()]
        first, second = told.event(1), told.event(2)
        told.hand_on()
        taken = told.take()
        assert {each.webhook_id for each in taken.values()} == {each.id for each in subscribers}
        assert {each.event_id for each in taken.values()} == {first}
        assert told.take() == {}
        told.note(taken[subscribers[0].id], DELIVERED)
        assert {k: v.event_id for k, v in told.take().items()} == {subscribers[0].id: second}

    def test_who_waits_for_another_to_take_gets_nothing_of_it(
        self, told: Told, engine: Engine
    ) -> None:
        for _ in range(4):
            told.subscriber()
        told.event(1)
        told.hand_on()
        with engine.connect() as first, ThreadPoolExecutor(1) as thread:
            assert len(delivery.take(first)) == 4
            second = thread.submit(told.run, delivery.take)
            wait_for(lambda: told.scalar(WAITING), "the other to wait for the rows")
            first.commit()
            assert second.result() == []

    def test_what_a_dead_dispatcher_took_comes_back_after_its_lease(self, told: Told) -> None:
        subscriber = told.subscriber()
        event = told.event(1)
        told.hand_on()
        lost = told.take()[subscriber.id]
        assert told.take() == {}
        told.let_lease_end()
        again = told.take()[subscriber.id]
        assert (again.event_id, again.attempt, lost.attempt) == (event, 2, 1)
        told.note(lost, refused())  # it was only slow, and knows nothing of its successor
        assert told.get(subscriber).failures == 0
        assert told.take() == {}
        told.note(lost, DELIVERED)
        assert told.log(subscriber)[event].state == State.DELIVERED
        told.note(again, refused())
        assert told.log(subscriber)[event].state == State.DELIVERED

    def test_what_is_told_twice_of_one_attempt_counts_once(self, told: Told) -> None:
        subscriber = told.subscriber()
        event = told.event(1)
        told.hand_on()
        claim = told.take()[subscriber.id]
        for _ in range(2):
            told.note(claim, refused(LATER))
        assert (told.get(subscriber).failures, told.log(subscriber)[event].attempts) == (1, 1)

    def test_a_failed_event_holds_later_ones_of_its_order_only(self, told: Told) -> None:
        subscriber = told.subscriber()
        told.event(1)
        packed, other = told.event(1, "order.packed"), told.event(2)
        told.hand_on()
        told.note(told.take()[subscriber.id], refused(LATER))
        claim = told.take()[subscriber.id]
        assert claim.event_id == other
        told.note(claim, DELIVERED)
        assert told.take() == {}
        assert told.run(delivery.pulse) == (None, False)
        assert told.log(subscriber)[packed].attempts == 0

    def test_one_that_is_given_up_lets_later_ones_pass(self, told: Told) -> None:
        subscriber = told.subscriber()
        placed, packed = told.event(1), told.event(1, "order.packed")
        told.hand_on()
        given_up = refused()._replace(state=State.FAILED)
        told.note(told.take()[subscriber.id], given_up)
        stored = told.log(subscriber)[placed]
        assert (stored.state, stored.next_attempt_at) == (State.FAILED, None)
        assert (stored.last_status, stored.last_error) == (500, "answered 500")
        assert stored.last_duration_ms == 1_000
        assert told.take()[subscriber.id].event_id == packed

    def test_a_pause_holds_all_of_a_subscriber_and_no_other(self, told: Told) -> None:
        dead, well = told.subscriber(), told.subscriber()
        told.event(1)
        told.event(2)
        told.hand_on()
        taken = told.take()
        told.note(taken[dead.id], refused(LATER, LATER))
        told.note(taken[well.id], DELIVERED)
        assert told.take().keys() == {well.id}
        ill = told.get(dead)
        assert (ill.failures, ill.waiting, ill.active) == (1, 2, True)
        assert ill.failing_since is not None
        told.let_lease_end()
        told.note(told.take()[dead.id], DELIVERED)
        assert (told.get(dead).failures, told.get(dead).failing_since) == (0, None)

    @pytest.mark.parametrize(
        "put_aside",
        [
            lambda told, each: told.run(webhook.change, each.id, Change(active=False), told.owner),
            lambda told, each: told.run(webhook.remove, each.id, told.owner),
        ],
    )
    def test_not_of_one_that_is_off_or_gone(
        self, told: Told, put_aside: Callable[[Told, Webhook], None]
    ) -> None:
        subscriber = told.subscriber()
        told.event(1)
        told.hand_on()
        put_aside(told, subscriber)
        assert told.run(delivery.pulse) == (None, False)
        assert told.take() == {}


class TestLongQueues:
    """A subscriber that has been dead for long costs no more than another."""

    COUNT = 20_000

    def _fill(self, told: Told) -> Webhook:
        subscriber = told.subscriber()
        told.scalar(
            "WITH made AS (INSERT INTO outbox (topic, subject_id, payload) "
            f"SELECT 'order.placed', n, '{{}}' FROM generate_series(1, {self.COUNT}) n "
            "RETURNING id) SELECT count(*) FROM made"
        )
        assert told.run(delivery.hand_on, self.COUNT) == (self.COUNT, self.COUNT)
        return subscriber

    @pytest.mark.parametrize("due", [True, False])
    @pytest.mark.parametrize("analyzed", ["never", "empty", "full"])
    def test_are_not_looked_through(
        self, told: Told, engine: Engine, due: bool, analyzed: str
    ) -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if analyzed == "empty":
                connection.execute(text("ANALYZE"))
            long = self._fill(told)
            if not due:
                later = "UPDATE webhook_deliveries SET next_attempt_at = now() + interval '1 h'"
                connection.execute(text(later))
            if analyzed == "full":
                connection.execute(text("ANALYZE"))
            for statement in (delivery.PULSE, delivery.TAKE):
                assert _looked_at(connection, statement) < 100
        assert told.get(long).waiting == webhook.COUNTED


def _looked_at(connection: Connection, statement: Any) -> float:
    """Return how many rows and index entries a statement looks at."""
    explained = text(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement.text}")
    parameters = {"lease": delivery.LEASE_S} if statement is delivery.TAKE else {}
    [plan] = connection.execute(explained, parameters).scalar_one()
    return sum(map(_read, _nodes(plan["Plan"])))
