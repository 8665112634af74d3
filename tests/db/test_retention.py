"""What has had its time goes; what could still be asked for stays."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from pearshop.db import delivery, retention, webhook
from pearshop.db import user as user_rows
from pearshop.db.cart import CartSave, Done, encode, load, save
from pearshop.db.retention import LOCK, Step, sweep_events, sweep_keys, sweep_sessions
from pearshop.domain.cart import Cart
from pearshop.domain.webhook import State
from pearshop.errors import NotFound
from tests.db.conftest import Rows
from tests.db.test_delivery import DELIVERED, Told, told
from tests.db.test_order import place_all, wish
from tests.db.test_plans import _nodes, _plans, _read
from tests.faults.audit import audit
from tests.faults.truth import a_day

__all__ = ["told"]

MONTH = timedelta(days=30)
COUNT = 20_000
LARGE = {"users", "sessions", "cart_commands", "outbox", "webhook_deliveries"}


def do(rows: Rows, statement: str) -> None:
    with rows.engine.begin() as connection:
        connection.execute(text(statement))


def scalar(rows: Rows, statement: str) -> Any:
    with rows.engine.connect() as connection:
        return connection.execute(text(statement)).scalar_one()


def sweep(rows: Rows, operation: Callable[..., Step], *arguments: Any) -> dict[str, int]:
    """Sweep to the end, three rows at a time; return what went."""
    went: dict[str, int] = {}
    after: int | None = 0
    while after is not None:
        step = rows.run(operation, after, *arguments, 3)
        went = {kind: went.get(kind, 0) + count for kind, count in step.deleted.items()}
        after = step.more
    return went


class TestSessions:
    def test_those_that_are_over_go_and_visitors_with_them(self, rows: Rows) -> None:
        guests = [rows.run(user_rows.create_guest).user for _ in range(7)]
        member, buyer = rows.user(), guests[5]
        for each in (*guests, member):
            hashed = scalar(rows, f"SELECT password_hash FROM users WHERE id = {each.id}")
            rows.run(user_rows.open_session, each.id, hashed)
            rows.cart(each, p1=1)
        rows.product()
        place_all(rows, [wish(buyer, 1)])
        do(rows, "UPDATE sessions SET expires_at = now() - interval '25 hours'")
        rows.run(user_rows.open_session, guests[6].id, user_rows.LOCKED)

        went = sweep(rows, sweep_sessions)

        assert went == {"sessions": 8, "guests": 5}
        left = {member.id, buyer.id, guests[6].id}
        assert set(rows.run(load, [*left, *(g.id for g in guests)], []).carts) == left
        assert scalar(rows, "SELECT count(*) FROM orders") == 1

    def test_those_that_ended_lately_stay(self, rows: Rows) -> None:
        guest = rows.run(user_rows.create_guest).user
        rows.run(user_rows.open_session, guest.id, user_rows.LOCKED)
        do(rows, "UPDATE sessions SET expires_at = now() - interval '23 hours', revoked_at = now()")
        assert sweep(rows, sweep_sessions) == {"sessions": 0, "guests": 0}

    def test_a_visitor_that_was_merged_goes_and_the_account_stays(self, rows: Rows) -> None:
        guest, member = rows.run(user_rows.create_guest).user, rows.user()
        rows.run(user_rows.open_session, guest.id, user_rows.LOCKED)
        rows.run(user_rows.merge_guest, guest.id, member.id)
        do(rows, "UPDATE sessions SET expires_at = now() - interval '2 days'")
        assert sweep(rows, sweep_sessions) == {"sessions": 1, "guests": 1}
        assert rows.run(user_rows.get, member.id) == member

    def test_a_hot_cart_of_a_visitor_that_is_gone_stores_nothing(self, rows: Rows) -> None:
        guest = rows.run(user_rows.create_guest).user
        rows.run(user_rows.open_session, guest.id, user_rows.LOCKED)
        hot = rows.cart(guest, p1=1)
        do(rows, "UPDATE sessions SET expires_at = now() - interval '2 days'")
        sweep(rows, sweep_sessions)
        following = CartSave(
            Cart(guest.id, hot.version + 1, hot.next_number, hot.lines), (Done(b"k", b"", None),)
        )
        assert rows.run(save, rows.grant, [encode(following)]) == frozenset()


class TestKeys:
    def test_old_ones_go_and_those_within_their_time_stay(self, rows: Rows) -> None:
        user = rows.user()
        for age in (1, 6, 8, 9, 10, 11, 12):
            do(
                rows,
                "INSERT INTO cart_commands (user_id, key, fingerprint, created_at) "
                f"VALUES ({user.id}, 'k{age}', '', now() - interval '{age} days')",
            )
        assert sweep(rows, sweep_keys, timedelta(days=7)) == {"keys": 5}
        known = rows.run(load, [], [(user.id, b"k1"), (user.id, b"k6"), (user.id, b"k8")]).commands
        assert set(known) == {(user.id, b"k1"), (user.id, b"k6")}


class TestEvents:
    def age(self, told: Told) -> None:
        """Make all that there is two months old."""
        do(
            told.rows,
            "UPDATE outbox SET created_at = created_at - interval '60 days';"
            "UPDATE webhook_deliveries SET created_at = created_at - interval '60 days',"
            "  last_attempt_at = last_attempt_at - interval '60 days'",
        )

    def deliver(self, told: Told, outcome: delivery.Outcome = DELIVERED) -> None:
        for claim in told.run(delivery.take):
            told.run(delivery.note, claim, outcome)

    def test_what_all_were_told_of_goes(self, told: Told) -> None:
        told.subscriber()
        for subject in range(1, 6):
            told.event(subject)
            told.hand_on()
            self.deliver(told)
        self.age(told)
        new = told.event(9)
        told.hand_on()
        assert sweep(told.rows, sweep_events, MONTH) == {"deliveries": 5, "events": 5}
        assert scalar(told.rows, "SELECT array_agg(id) FROM outbox") == [new]

    def test_what_is_yet_to_be_told_stays_however_old(self, told: Told) -> None:
        subscriber = told.subscriber()
        waiting = told.event(1)
        told.hand_on()
        unsent = told.event(2)
        self.age(told)
        assert sweep(told.rows, sweep_events, MONTH) == {"deliveries": 0, "events": 0}
        assert scalar(told.rows, "SELECT array_agg(id ORDER BY id) FROM outbox") == [
            waiting,
            unsent,
        ]
        [kept] = told.run(webhook.log, subscriber.id, None, 10, None)
        assert kept.state == State.PENDING

    def test_what_was_told_lately_stays_with_its_log(self, told: Told) -> None:
        told.subscriber()
        told.event(1)
        told.hand_on()
        self.age(told)
        self.deliver(told)
        assert sweep(told.rows, sweep_events, MONTH) == {"deliveries": 0, "events": 0}

    def test_what_waits_does_not_keep_the_rest(self, told: Told) -> None:
        """The oldest events are looked at first; a batch of such that stay is stepped over."""
        told.subscriber()
        for subject in range(1, 5):
            told.event(subject)
        told.hand_on()
        do(told.rows, "UPDATE webhooks SET active = false")
        for subject in range(5, 8):
            told.event(subject)
        told.hand_on()
        self.age(told)
        assert sweep(told.rows, sweep_events, MONTH) == {"deliveries": 0, "events": 3}

    def test_a_webhook_that_is_gone_waits_for_nothing(self, told: Told) -> None:
        subscriber = told.subscriber()
        told.event(1)
        told.hand_on()
        told.run(webhook.remove, subscriber.id, told.owner)
        self.age(told)
        assert sweep(told.rows, sweep_events, MONTH) == {"deliveries": 1, "events": 1}

    def test_what_is_gone_cannot_be_told_again(self, told: Told) -> None:
        subscriber = told.subscriber()
        event = told.event(1)
        told.hand_on()
        self.deliver(told)
        self.age(told)
        sweep(told.rows, sweep_events, MONTH)
        with pytest.raises(NotFound):
            told.run(webhook.redeliver, subscriber.id, event, told.owner)


def test_one_process_at_a_time(rows: Rows) -> None:
    with rows.engine.begin() as other:
        other.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        assert rows.run(sweep_sessions, 0) == retention.NOTHING
        assert rows.run(sweep_keys, 0, MONTH) == retention.NOTHING
        assert rows.run(sweep_events, 0, MONTH) == retention.NOTHING
    assert rows.run(sweep_keys, 0, MONTH) == Step({"keys": 0}, None)


def test_a_day_of_the_shop_with_sweeps_all_the_while_is_whole(rows: Rows) -> None:
    do(
        rows,
        "INSERT INTO cart_commands (user_id, key, fingerprint, created_at) SELECT 1, "
        "int8send(n), '', now() - interval '9 days' FROM generate_series(1, 3000) n",
    )
    enough, went = threading.Event(), 0

    def sweep_on() -> None:
        nonlocal went
        while not enough.is_set():
            went += sum(sweep(rows, sweep_keys, timedelta(days=7)).values())
            sweep(rows, sweep_sessions)
            sweep(rows, sweep_events, MONTH)

    sweeper = threading.Thread(target=sweep_on)
    sweeper.start()
    day = a_day(rows)
    enough.set()
    sweeper.join()
    with rows.engine.connect() as connection:
        findings = audit(connection, day.history, day.read_cart)
    assert [each.summary() for each in findings if not each.ok] == []
    assert went


@pytest.fixture(scope="module")
def much(make_database: Callable[[], Engine]) -> Engine:
    """So much of everything that its size would show, a tenth of it past its time."""
    engine = make_database()
    with engine.begin() as connection:
        for statement in (
            "INSERT INTO users (username, username_key, password_hash, is_guest) "
            f"SELECT n::text, n::text, '!', true FROM generate_series(1, {COUNT}) n",
            "INSERT INTO sessions (user_id, expires_at) SELECT n, "
            f"now() + (n - {COUNT // 10}) * interval '1 hour' FROM generate_series(1, {COUNT}) n",
            "INSERT INTO cart_commands (user_id, key, fingerprint, created_at) SELECT n, '', '', "
            f"now() - ({COUNT} - n) * interval '3 minutes' FROM generate_series(1, {COUNT}) n",
            "INSERT INTO outbox (topic, subject_id, payload, created_at, sent_at) "
            "SELECT 'order.placed', n, '{}', at, at FROM "
            f"(SELECT n, now() - ({COUNT} - n) * interval '3 minutes' AS at "
            f"FROM generate_series(1, {COUNT}) n) x",
            "INSERT INTO webhooks (url, secret, topics) VALUES ('https://a.example', 's', '{}')",
            "INSERT INTO webhook_deliveries (webhook_id, event_id, subject_id, state, "
            "next_attempt_at, created_at) SELECT 1, id, subject_id, 'delivered', NULL, created_at "
            "FROM outbox",
        ):
            connection.execute(text(statement))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return engine


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        (sweep_sessions, (0,)),
        (sweep_keys, (0, timedelta(days=37))),
        (sweep_keys, (0, timedelta(days=365))),
        (sweep_events, (0, timedelta(days=37))),
        (sweep_events, (0, timedelta(days=365))),
    ],
)
def test_a_batch_reads_little_by_an_index(
    much: Engine, operation: Callable[..., Step], arguments: tuple[Any, ...]
) -> None:
    for plan in _plans(much, operation, *arguments):
        nodes = list(_nodes(plan))
        scanned = {x["Relation Name"] for x in nodes if x["Node Type"] == "Seq Scan"}
        assert not scanned & LARGE
        assert sum(map(_read, nodes)) < 10 * retention.BATCH


def test_what_refers_to_what_goes_is_found_by_an_index(engine: Engine) -> None:
    """Or PostgreSQL reads the whole table that refers, for each row that is deleted."""
    query = text("""
    SELECT c.conrelid::regclass || '.' || a.attname
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
    WHERE c.contype = 'f' AND c.confrelid IN ('users'::regclass, 'outbox'::regclass)
      AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.conrelid
                      AND i.indkey[0] = c.conkey[1])
    """)
    with engine.connect() as connection:
        assert connection.execute(query).scalars().all() == []
