"""Webhooks: who is told of events, and the log of what they were told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, func, insert, select, text, true, update

from pearshop.db import audit
from pearshop.db.execute import read_only
from pearshop.db.tables import outbox, webhook_deliveries, webhooks
from pearshop.domain.webhook import MAX_WEBHOOKS, PING, State, Topic
from pearshop.errors import Conflict, NotFound

LOCK = text(f"SELECT pg_advisory_xact_lock({0x686F6F6B})")
"""Held while one is made or given another URL, so that they stay few, and each URL once."""
COUNTED = 1_000
"""Up to here waiting deliveries are counted."""

NEW_PING = text("""
INSERT INTO outbox (id, topic, subject_id, payload, sent_at)
SELECT n, :topic, -n, jsonb_build_object('webhook_id', CAST(:webhook AS bigint)), now()
FROM nextval(pg_get_serial_sequence('outbox', 'id')) AS n
RETURNING id, subject_id
""")
"""Its subject is no order's number, and it is handed on already: to one, whatever their topics."""


class Webhook(NamedTuple):
    """Who is told of events of these topics, while `active`.

    `failures`: how many attempts have failed since one succeeded, the first of them at
    `failing_since`. `waiting`: deliveries yet to be made, `COUNTED` if there are more.
    """

    id: int
    url: str
    topics: tuple[str, ...]
    active: bool
    created_at: datetime
    updated_at: datetime
    failures: int
    failing_since: datetime | None
    waiting: int


class Delivery(NamedTuple):
    """An event as a webhook is told of it. `order_id` is `None` for a test.

    What is `last_` is of the last attempt; `last_error` is empty if it succeeded.
    """

    id: int
    topic: str
    order_id: int | None
    state: State
    attempts: int
    next_attempt_at: datetime | None
    last_attempt_at: datetime | None
    last_status: int | None
    last_error: str
    last_duration_ms: int | None
    created_at: datetime
    delivered_at: datetime | None


class Change(NamedTuple):
    """What is to be another; `None`: as it is."""

    url: str | None = None
    topics: tuple[Topic, ...] | None = None
    active: bool | None = None
    secret: str | None = None


@read_only
def every(connection: Connection) -> list[Webhook]:
    """Return all webhooks, the newest first. There are few."""
    found = connection.execute(_webhooks().order_by(webhooks.c.id.desc()))
    return [_webhook(row) for row in found]


@read_only
def get(connection: Connection, webhook_id: int) -> Webhook:
    """Return one. Raises `NotFound`."""
    row = connection.execute(_webhooks().where(webhooks.c.id == webhook_id)).one_or_none()
    if row is None:
        raise NotFound("There is no such webhook.", "webhook_unknown")
    return _webhook(row)


def create(
    connection: Connection, url: str, topics: tuple[Topic, ...], secret: str, by: int
) -> Webhook:
    """Tell a URL of events from now on. Raises `Conflict` when it is told, or there are many."""
    connection.execute(LOCK)
    others = every(connection)
    if len(others) >= MAX_WEBHOOKS:
        raise Conflict(
            f"There are {MAX_WEBHOOKS} webhooks already: delete one first.", "webhooks_many"
        )
    _check_free(others, url)
    values = {"url": url, "topics": list(topics)}
    made = connection.execute(
        insert(webhooks).values(**values, secret=secret).returning(webhooks.c.id)
    )
    webhook_id: int = made.scalar_one()
    audit.record(connection, by, [audit.Deed("webhook.created", webhook_id, None, values)])
    return get(connection, webhook_id)


def change(connection: Connection, webhook_id: int, wish: Change, by: int) -> Webhook:
    """Change one. A new URL has failed nobody yet. Raises `NotFound` and `Conflict`."""
    connection.execute(LOCK)
    old = get(connection, webhook_id)
    wanted: dict[str, Any] = {
        name: list(value) if name == "topics" else value
        for name, value in wish._asdict().items()
        if value is not None and value != getattr(old, name, None)
    }
    if not wanted:
        return old
    also: dict[str, Any] = {}
    if wish.url is not None and "url" in wanted:
        _check_free([each for each in every(connection) if each.id != webhook_id], wish.url)
        also = {"failures": 0, "failing_since": None}
    connection.execute(
        update(webhooks)
        .where(webhooks.c.id == webhook_id)
        .values(**wanted, **also, updated_at=func.now())
    )
    deeds = []
    if wanted.pop("secret", None):
        deeds.append(audit.Deed("webhook.secret_rotated", webhook_id))
    if wanted:
        before = {name: getattr(old, name) for name in wanted}
        deeds.append(audit.Deed("webhook.changed", webhook_id, before, wanted))
    audit.record(connection, by, deeds)
    return get(connection, webhook_id)


def remove(connection: Connection, webhook_id: int, by: int) -> None:
    """Tell it nothing more. What it was told stays as long as its events. Raises `NotFound`."""
    old = get(connection, webhook_id)
    connection.execute(
        update(webhooks).where(webhooks.c.id == webhook_id).values(deleted_at=func.now(), secret="")
    )
    before = {"url": old.url, "topics": list(old.topics)}
    audit.record(connection, by, [audit.Deed("webhook.deleted", webhook_id, before)])


@read_only
def log(
    connection: Connection, webhook_id: int, state: State | None, limit: int, before: int | None
) -> list[Delivery]:
    """Return up to `limit` deliveries, the newest events first. Raises `NotFound`.

    `before` is where the page before ended.
    """
    get(connection, webhook_id)
    query = _deliveries(webhook_id).order_by(webhook_deliveries.c.event_id.desc()).limit(limit)
    if state is not None:
        query = query.where(webhook_deliveries.c.state == state)
    if before is not None:
        query = query.where(webhook_deliveries.c.event_id < before)
    return [_delivery(row) for row in connection.execute(query)]


def redeliver(connection: Connection, webhook_id: int, event_id: int, by: int) -> Delivery:
    """Try a delivery again at once, and as often as a new one, however it stands.

    Raises `NotFound`, and `Conflict` for a webhook that is switched off.
    """
    _check_on(connection, webhook_id)
    old = _one_delivery(connection, webhook_id, event_id)
    connection.execute(
        update(webhook_deliveries)
        .where(
            webhook_deliveries.c.webhook_id == webhook_id,
            webhook_deliveries.c.event_id == event_id,
        )
        .values(state=State.PENDING, attempts=0, next_attempt_at=func.now(), delivered_at=None)
    )
    before = {"event_id": event_id, "state": old.state, "delivered_at": old.delivered_at}
    audit.record(connection, by, [audit.Deed("webhook.redelivered", webhook_id, before)])
    return _one_delivery(connection, webhook_id, event_id)


def ping(connection: Connection, webhook_id: int, by: int) -> Delivery:
    """Queue a test. Raises `NotFound`, and `Conflict` for a webhook that is switched off."""
    _check_on(connection, webhook_id)
    event_id, subject_id = connection.execute(
        NEW_PING, {"topic": PING, "webhook": webhook_id}
    ).one()
    connection.execute(
        insert(webhook_deliveries).values(
            webhook_id=webhook_id, event_id=event_id, subject_id=subject_id
        )
    )
    after = {"event_id": event_id}
    audit.record(connection, by, [audit.Deed("webhook.tested", webhook_id, None, after)])
    return _one_delivery(connection, webhook_id, event_id)


def _check_on(connection: Connection, webhook_id: int) -> None:
    if not get(connection, webhook_id).active:
        raise Conflict("The webhook is switched off: set active to true first.", "webhook_off")


def _check_free(others: Sequence[Webhook], url: str) -> None:
    for each in others:
        if each.url == url:
            raise Conflict(
                f"Webhook {each.id} has this URL already: change its topics instead.",
                "webhook_url_taken",
                {"webhook_id": each.id},
            )


def _webhooks() -> Select[Any]:
    some = (
        select(true())
        .where(
            webhook_deliveries.c.webhook_id == webhooks.c.id,
            webhook_deliveries.c.state == State.PENDING,
        )
        .limit(COUNTED)
        .correlate(webhooks)
        .subquery()
    )
    waiting = select(func.count()).select_from(some).scalar_subquery()
    names = Webhook._fields[:-1]
    return select(*(webhooks.c[name] for name in names), waiting).where(
        webhooks.c.deleted_at.is_(None)
    )


def _webhook(row: Row[Any]) -> Webhook:
    columns: Sequence[Any] = tuple(row)
    found = Webhook(*columns)
    return found._replace(topics=tuple(found.topics))


def _deliveries(webhook_id: int) -> Select[Any]:
    return (
        select(
            webhook_deliveries.c.event_id,
            outbox.c.topic,
            webhook_deliveries.c.subject_id,
            *(webhook_deliveries.c[name] for name in Delivery._fields[3:]),
        )
        .join_from(webhook_deliveries, outbox, outbox.c.id == webhook_deliveries.c.event_id)
        .where(webhook_deliveries.c.webhook_id == webhook_id)
    )


def _one_delivery(connection: Connection, webhook_id: int, event_id: int) -> Delivery:
    query = _deliveries(webhook_id).where(webhook_deliveries.c.event_id == event_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound("There is no such delivery.", "delivery_unknown")
    return _delivery(row)


def _delivery(row: Row[Any]) -> Delivery:
    columns: Sequence[Any] = tuple(row)
    found = Delivery(*columns)
    order_id = None if found.topic == PING else found.order_id
    return found._replace(order_id=order_id, state=State(found.state))
