"""Webhooks in the database: who is told, what is logged, and what of it is written down."""

import pytest

from pearshop.db import audit, delivery, webhook
from pearshop.db.audit import Entry, Filter
from pearshop.db.webhook import Change
from pearshop.domain.webhook import MAX_WEBHOOKS, PING, TOPICS, State
from pearshop.errors import Conflict, NotFound
from tests.db.conftest import Rows
from tests.db.test_delivery import DELIVERED, LATER, SECRET, Told, refused, told

__all__ = ["told"]


def written_down(rows: Rows) -> list[Entry]:
    return rows.run(audit.page, Filter(subject="webhook"), 100, None)


class TestSubscribers:
    def test_are_kept_and_listed_newest_first(self, told: Told) -> None:
        first, second = told.subscriber("order.placed"), told.subscriber()
        assert (first.topics, second.topics) == (("order.placed",), TOPICS)
        assert (first.active, first.failures, first.failing_since) == (True, 0, None)
        assert told.run(webhook.every) == [second, first]
        assert told.get(first) == first

    def test_change_in_what_is_named(self, told: Told) -> None:
        made = told.subscriber()
        wish = Change(topics=("order.placed",), active=False)
        changed = told.run(webhook.change, made.id, wish, told.owner)
        assert (changed.url, changed.topics, changed.active) == (made.url, wish.topics, False)
        assert changed.updated_at > made.updated_at
        assert told.run(webhook.change, made.id, wish, told.owner) == changed

    def test_have_a_url_each(self, told: Told) -> None:
        first, second = told.subscriber(), told.subscriber()
        with pytest.raises(Conflict, match=f"Webhook {first.id} has this URL"):
            told.run(webhook.create, first.url, TOPICS, SECRET, told.owner)
        with pytest.raises(Conflict, match=f"Webhook {first.id} has this URL"):
            told.run(webhook.change, second.id, Change(url=first.url), told.owner)
        told.run(webhook.remove, first.id, told.owner)
        again = told.run(webhook.create, first.url, TOPICS, SECRET, told.owner)
        assert again.id != first.id

    def test_with_a_new_url_have_failed_nobody(self, told: Told) -> None:
        made = told.subscriber()
        told.event(1)
        told.hand_on()
        told.note(told.take()[made.id], refused(LATER))
        assert told.get(made).failures == 1
        moved = told.run(webhook.change, made.id, Change(url="https://new.example/"), told.owner)
        assert (moved.failures, moved.failing_since) == (0, None)

    def test_are_few(self, told: Told) -> None:
        for _ in range(MAX_WEBHOOKS):
            told.subscriber()
        with pytest.raises(Conflict, match="delete one first"):
            told.subscriber()

    def test_that_are_deleted_are_not_there(self, told: Told) -> None:
        made = told.subscriber()
        told.run(webhook.remove, made.id, told.owner)
        assert told.run(webhook.every) == []
        for operation, *arguments in (
            (webhook.get,),
            (webhook.change, Change(active=False), 1),
            (webhook.remove, 1),
            (webhook.log, None, 10, None),
            (webhook.redeliver, 1, 1),
            (webhook.ping, 1),
        ):
            with pytest.raises(NotFound, match="no such webhook"):
                told.run(operation, made.id, *arguments)
        assert told.scalar("SELECT secret FROM webhooks") == ""

    def test_are_written_down_without_their_secret(self, told: Told) -> None:
        made = told.subscriber("order.placed")
        other = "t" * 40
        told.run(webhook.change, made.id, Change(active=False, secret=other), told.owner)
        told.run(webhook.remove, made.id, told.owner)
        assert told.scalar("SELECT count(*) FROM webhooks WHERE secret <> ''") == 0
        deleted, changed, rotated, created = written_down(told.rows)
        assert {each.user_id for each in (deleted, changed, rotated, created)} == {told.owner}
        subscribed = {"url": made.url, "topics": ["order.placed"]}
        assert (created.action, created.after) == ("webhook.created", subscribed)
        assert (rotated.action, rotated.before, rotated.after) == (
            "webhook.secret_rotated",
            None,
            None,
        )
        assert (changed.action, changed.before, changed.after) == (
            "webhook.changed",
            {"active": True},
            {"active": False},
        )
        assert (deleted.action, deleted.before) == ("webhook.deleted", subscribed)


class TestLog:
    def test_is_paged_newest_first_and_by_state(self, told: Told) -> None:
        made = told.subscriber()
        events = [told.event(subject) for subject in range(1, 6)]
        told.hand_on()
        for outcome in (DELIVERED, refused()._replace(state=State.FAILED), DELIVERED):
            told.note(told.take()[made.id], outcome)

        def page(state: State | None, limit: int = 9, before: int | None = None) -> list[int]:
            return [each.id for each in told.run(webhook.log, made.id, state, limit, before)]

        assert page(None, 3) == events[:1:-1]
        assert page(None, 3, events[2]) == events[1::-1]
        assert page(State.DELIVERED) == [events[2], events[0]]
        assert page(State.FAILED) == [events[1]]
        assert page(State.PENDING) == events[:2:-1]
        first = told.log(made)[events[0]]
        assert (first.topic, first.order_id, first.attempts) == ("order.placed", 1, 1)
        assert (first.last_status, first.last_error, first.last_duration_ms) == (204, "", 7)
        assert first.delivered_at is not None


class TestRedelivery:
    @pytest.mark.parametrize(
        "outcome", [DELIVERED, refused(LATER), refused()._replace(state=State.FAILED)]
    )
    def test_is_at_once_and_as_often_as_of_a_new_one(
        self, told: Told, outcome: delivery.Outcome
    ) -> None:
        made = told.subscriber()
        event = told.event(1)
        told.hand_on()
        told.note(told.take()[made.id], outcome)
        assert told.take() == {}
        again = told.run(webhook.redeliver, made.id, event, told.owner)
        assert (again.state, again.attempts, again.delivered_at) == (State.PENDING, 0, None)
        claim = told.take()[made.id]
        assert (claim.event_id, claim.attempt) == (event, 1)
        told.note(claim, DELIVERED)
        assert told.log(made)[event].state == State.DELIVERED
        entry = written_down(told.rows)[0]
        assert (entry.action, entry.subject_id) == ("webhook.redelivered", made.id)
        assert entry.before is not None
        assert (entry.before["event_id"], entry.before["state"]) == (event, outcome.state)

    def test_asked_for_while_it_is_under_way_is_not_undone(self, told: Told) -> None:
        made = told.subscriber()
        event = told.event(1)
        told.hand_on()
        claim = told.take()[made.id]
        told.run(webhook.redeliver, made.id, event, told.owner)
        told.note(claim, refused()._replace(state=State.FAILED))
        assert told.take()[made.id].attempt == 1

    def test_of_what_it_was_never_told(self, told: Told) -> None:
        made = told.subscriber()
        event = told.event(1)
        with pytest.raises(NotFound, match="no such delivery"):
            told.run(webhook.redeliver, made.id, event, told.owner)


class TestPing:
    def test_goes_to_one_alone_whatever_its_topics(self, told: Told) -> None:
        made, other = told.subscriber("order.shipped"), told.subscriber()
        queued = told.run(webhook.ping, made.id, told.owner)
        told.run(webhook.ping, made.id, told.owner)
        assert (queued.topic, queued.order_id, queued.state) == (PING, None, State.PENDING)
        assert told.hand_on() == 0
        claim = told.take()[made.id]
        assert (claim.event_id, claim.topic) == (queued.id, PING)
        assert claim.payload == {"webhook_id": made.id}
        assert told.log(other) == {}
        assert written_down(told.rows)[1].after == {"event_id": queued.id}

    def test_not_to_one_that_is_off(self, told: Told) -> None:
        made = told.subscriber()
        event = told.run(webhook.ping, made.id, told.owner).id
        told.run(webhook.change, made.id, Change(active=False), told.owner)
        for operation, *arguments in ((webhook.ping,), (webhook.redeliver, event)):
            with pytest.raises(Conflict, match="switched off"):
                told.run(operation, made.id, *arguments, told.owner)
