"""From the outbox to subscribers: handing events on, taking what is due, noting what came of it.

An event's number is given before its transaction commits, so a later number may be seen before an
earlier one. Nothing here remembers how far it came: what is not handed on is marked as such.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from pearshop.db.execute import single_statement
from pearshop.domain.webhook import State

BATCH = 500
"""Events that are handed on in one transaction."""
LEASE_S = 30
"""Of whoever sends to a subscriber: longer than an attempt takes, with the noting of it."""

HEADS = """
SELECT w.id, w.claim, d.event_id
FROM webhooks w CROSS JOIN LATERAL (
  SELECT d.event_id FROM webhook_deliveries d
  WHERE d.webhook_id = w.id AND d.state = 'pending' AND d.next_attempt_at <= now()
    AND d.event_id = (
      SELECT e.event_id FROM webhook_deliveries e
      WHERE e.webhook_id = d.webhook_id AND e.subject_id = d.subject_id AND e.state = 'pending'
      ORDER BY e.event_id LIMIT 1
    )
  ORDER BY d.next_attempt_at, d.event_id LIMIT 1
) d
WHERE w.active AND w.deleted_at IS NULL AND w.next_attempt_at <= now()
"""
"""The delivery that comes next, of each subscriber that is free: what is due longest, and the first
of its order that waits. That is asked row by row: as a join it could be made of the whole queue."""

PULSE = text(f"""
SELECT (SELECT now() - created_at FROM outbox WHERE sent_at IS NULL ORDER BY id LIMIT 1),
       EXISTS ({HEADS})
""")  # noqa: S608 - made of constants

HAND_ON = text("""
WITH batch AS (
  SELECT id, topic, subject_id, created_at FROM outbox WHERE sent_at IS NULL
  ORDER BY id LIMIT :limit FOR NO KEY UPDATE
), queued AS (
  INSERT INTO webhook_deliveries (webhook_id, event_id, subject_id)
  SELECT w.id, b.id, b.subject_id
  FROM batch b JOIN webhooks w
    ON b.topic = ANY(w.topics) AND b.created_at >= w.created_at
   AND w.active AND w.deleted_at IS NULL
  RETURNING 1
), marked AS (
  UPDATE outbox o SET sent_at = now() FROM batch b WHERE o.id = b.id
)
SELECT (SELECT count(*) FROM batch), (SELECT count(*) FROM queued)
""")

TAKE = text(f"""
WITH head AS ({HEADS}), taken AS (
  UPDATE webhooks w
  SET claim = w.claim + 1, next_attempt_at = clock_timestamp() + make_interval(secs => :lease)
  FROM head WHERE w.id = head.id AND w.claim = head.claim
  RETURNING w.id, w.claim, w.url, w.secret, w.failures, head.event_id
)
UPDATE webhook_deliveries d
SET attempts = d.attempts + 1, last_attempt_at = clock_timestamp()
FROM taken t JOIN outbox o ON o.id = t.event_id
WHERE d.webhook_id = t.id AND d.event_id = t.event_id
RETURNING t.id, t.claim, t.url, t.secret, t.failures, d.attempts,
          o.id, o.topic, o.created_at, o.payload
""")  # noqa: S608 - made of constants

NOTE = text("""
WITH mine AS (
  UPDATE webhooks
  SET claim = claim + 1,
      failures = CASE WHEN :delivered THEN 0 ELSE failures + 1 END,
      failing_since = CASE WHEN NOT :delivered THEN COALESCE(failing_since, clock_timestamp()) END,
      next_attempt_at = clock_timestamp() + :pause
  WHERE id = :webhook AND claim = :claim
  RETURNING id
)
UPDATE webhook_deliveries
SET state = :state,
    attempts = GREATEST(attempts, 1),
    next_attempt_at = CASE WHEN :state = 'pending' THEN clock_timestamp() + :wait END,
    last_status = :status, last_error = :error, last_duration_ms = :duration_ms,
    delivered_at = CASE WHEN :delivered THEN clock_timestamp() END
WHERE webhook_id = :webhook AND event_id = :event AND state = 'pending'
  AND (:delivered OR (attempts = :attempt AND EXISTS (SELECT FROM mine)))
""")


class Pulse(NamedTuple):
    """`age`: of the oldest event that is not handed on, if any is; `due`: there is work."""

    age: timedelta | None
    due: bool


class HandedOn(NamedTuple):
    """So many events were marked, and so many deliveries queued for them."""

    events: int
    deliveries: int


class Claim(NamedTuple):
    """The right to send a subscriber an event, for `LEASE_S`; nobody else sends it any meanwhile.

    `attempt` counts this one; `failures` is how often in a row sending to the subscriber failed.
    """

    webhook_id: int
    number: int
    url: str
    secret: str
    failures: int
    attempt: int
    event_id: int
    topic: str
    created_at: datetime
    payload: Mapping[str, Any]


class Outcome(NamedTuple):
    """What came of an attempt.

    `state`: how the delivery stands now; `wait`: until its next attempt, if there is to be one;
    `pause`: until anything is sent to the subscriber. `error` is empty where it was delivered.
    """

    state: State
    status: int | None
    error: str
    duration: timedelta
    wait: timedelta = timedelta()
    pause: timedelta = timedelta()


@single_statement
def pulse(connection: Connection) -> Pulse:
    """Return whether there is anything to do. It reads little, however much is stored."""
    return Pulse(*connection.execute(PULSE).one())


@single_statement
def hand_on(connection: Connection, limit: int = BATCH) -> HandedOn:
    """Queue events for those who are to be told of them, and mark them.

    Whoever subscribed after an event is not told of it. Two at a time wait for each other, and do
    not skip each other's rows: or an order's second event could be queued before its first.
    """
    return HandedOn(*connection.execute(HAND_ON, {"limit": limit}).one())


@single_statement
def take(connection: Connection) -> list[Claim]:
    """Take the next delivery of each subscriber that is free and has one due."""
    return [Claim(*row) for row in connection.execute(TAKE, {"lease": LEASE_S})]


@single_statement
def note(connection: Connection, claim: Claim, outcome: Outcome) -> None:
    """Note what came of a delivery, and let the subscriber go.

    Of a claim that another one has followed only a success counts: it is true whoever tells it.
    """
    connection.execute(
        NOTE,
        {
            "webhook": claim.webhook_id,
            "claim": claim.number,
            "event": claim.event_id,
            "attempt": claim.attempt,
            "delivered": outcome.state == State.DELIVERED,
            "state": outcome.state,
            "status": outcome.status,
            "error": outcome.error,
            "duration_ms": round(outcome.duration.total_seconds() * 1_000),
            "wait": outcome.wait,
            "pause": outcome.pause,
        },
    )
