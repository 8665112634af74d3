"""What has had its time goes, a batch at a time.

Nothing goes that somebody could still ask for: no order, no account that has a name, no key within
its time, no event that is yet to be told, nothing of the audit log. Accounts' carts stay too, empty
ones as well: a cart's row holds the next number of its lines, which past orders have used.
"""

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Connection, text

LOCK = 0x73776570
"""Advisory lock of a batch; whoever does not get it leaves the work to who has it."""
BATCH = 500
SESSIONS_KEPT = timedelta(days=1)
"""After their end, when no token of theirs is good any more."""

MINE = text(f"SELECT pg_try_advisory_xact_lock({LOCK})")

SESSIONS = text("""
WITH oldest AS (
  SELECT id, expires_at < now() - :kept AS over FROM sessions ORDER BY id LIMIT :limit
), gone AS (
  DELETE FROM sessions WHERE id = ANY(ARRAY(SELECT id FROM oldest WHERE over)) RETURNING user_id
)
SELECT (SELECT count(*) FROM gone), (SELECT array_agg(DISTINCT user_id) FROM gone),
       (SELECT count(*) FILTER (WHERE over) FROM oldest) = :limit
""")
"""A later session ends later, so the first that goes on is where the walk ends."""

GUESTS = text("""
DELETE FROM users u
WHERE u.id = ANY(:ids) AND u.is_guest
  AND NOT EXISTS (SELECT FROM sessions s WHERE s.user_id = u.id OFFSET 0)
  AND NOT EXISTS (SELECT FROM orders o WHERE o.user_id = u.id OFFSET 0)
""")
"""OFFSET makes it ask row by row: as a join it could be made of all sessions and orders."""

KEYS = text("""
DELETE FROM cart_commands WHERE ctid = ANY(ARRAY(
  SELECT ctid FROM cart_commands WHERE created_at < now() - :kept
  ORDER BY created_at LIMIT :limit
))
""")

DELIVERIES = text("""
WITH oldest AS (
  SELECT id, sent_at, created_at < now() - :kept AS old
  FROM outbox WHERE id > :after ORDER BY id LIMIT :limit
), over AS (
  SELECT id FROM oldest WHERE old AND sent_at IS NOT NULL
), gone AS (
  DELETE FROM webhook_deliveries d
  WHERE d.event_id = ANY(ARRAY(SELECT id FROM over)) AND (
    (d.state <> 'pending' AND COALESCE(d.last_attempt_at, d.created_at) < now() - :kept)
    OR EXISTS (SELECT FROM webhooks w WHERE w.id = d.webhook_id AND w.deleted_at IS NOT NULL)
  )
  RETURNING 1
)
SELECT (SELECT count(*) FROM gone), (SELECT array_agg(id) FROM over),
       (SELECT max(id) FROM oldest), (SELECT count(*) FILTER (WHERE old) FROM oldest) = :limit
""")
EVENTS = text("""
DELETE FROM outbox o
WHERE o.id = ANY(:ids)
  AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.event_id = o.id OFFSET 0)
""")


class Step(NamedTuple):
    """What a batch has deleted, by kind; `more`: where the next one begins, `None` for the end."""

    deleted: dict[str, int]
    more: int | None


NOTHING = Step({}, None)


def sweep_sessions(connection: Connection, _after: int, limit: int = BATCH) -> Step:
    """Delete sessions that are over, and visitors who can come back by none and ordered nothing.

    Their carts go with them.
    """
    if not connection.execute(MINE).scalar_one():
        return NOTHING
    wanted = {"kept": SESSIONS_KEPT, "limit": limit}
    sessions, users, more = connection.execute(SESSIONS, wanted).one()
    guests = connection.execute(GUESTS, {"ids": users or []}).rowcount
    return Step({"sessions": sessions, "guests": guests}, 0 if more else None)


def sweep_keys(connection: Connection, _after: int, kept: timedelta, limit: int = BATCH) -> Step:
    """Forget the keys of cart commands that are older than `kept`."""
    if not connection.execute(MINE).scalar_one():
        return NOTHING
    count = connection.execute(KEYS, {"kept": kept, "limit": limit}).rowcount
    return Step({"keys": count}, 0 if count == limit else None)


def sweep_events(connection: Connection, after: int, kept: timedelta, limit: int = BATCH) -> Step:
    """Delete events older than `kept` that all have been told of, and the log of the telling.

    What is waiting for a webhook stays, and what it was told of lately. `after`: where to begin.
    """
    if not connection.execute(MINE).scalar_one():
        return NOTHING
    wanted = {"kept": kept, "limit": limit, "after": after}
    deliveries, over, last, more = connection.execute(DELIVERIES, wanted).one()
    events = connection.execute(EVENTS, {"ids": over or []}).rowcount
    return Step({"deliveries": deliveries, "events": events}, last if more else None)
