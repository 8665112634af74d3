"""The audit log: what staff did, written in the transaction that did it, and never changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, insert, select

from pearshop.db.execute import read_only
from pearshop.db.tables import audit_log, users

Values = Mapping[str, Any]


class Entry(NamedTuple):
    """One thing that was done: `before` and `after` have the members that it changed.

    `user_id` and `username` are of whoever did it, `None` where a command line did.
    """

    id: int
    user_id: int | None
    username: str | None
    action: str
    subject: str
    subject_id: int | None
    before: Values | None
    after: Values | None
    created_at: datetime


class Deed(NamedTuple):
    """What is to be written down. `action` is of the form "product.changed"."""

    action: str
    subject_id: int | None
    before: Values | None = None
    after: Values | None = None


class Filter(NamedTuple):
    """Which entries are wanted; `None`: any."""

    user_id: int | None = None
    subject: str | None = None
    subject_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


def record(connection: Connection, by: int | None, deeds: Sequence[Deed]) -> None:
    """Write down what the user `by` does in this transaction."""
    if not deeds:
        return
    connection.execute(
        insert(audit_log),
        [
            {
                "user_id": by,
                "action": each.action,
                "subject": each.action.partition(".")[0],
                "subject_id": each.subject_id,
                "before": _plain(each.before),
                "after": _plain(each.after),
            }
            for each in deeds
        ],
    )


@read_only
def page(connection: Connection, wanted: Filter, limit: int, before: int | None) -> list[Entry]:
    """Return up to `limit` entries, the latest first; `before`: where the page before ended."""
    conditions: list[ColumnElement[bool]] = [
        audit_log.c[column] == value
        for column in ("user_id", "subject", "subject_id")
        if (value := getattr(wanted, column)) is not None
    ]
    if wanted.since is not None:
        conditions.append(audit_log.c.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(audit_log.c.created_at < wanted.until)
    if before is not None:
        conditions.append(audit_log.c.id < before)
    query = (
        select(
            audit_log.c.id,
            audit_log.c.user_id,
            users.c.username,
            *(audit_log.c[name] for name in Entry._fields[3:]),
        )
        .outerjoin_from(audit_log, users, users.c.id == audit_log.c.user_id)
        .where(*conditions)
        .order_by(audit_log.c.id.desc())
        .limit(limit)
    )
    return [Entry(*row) for row in connection.execute(query)]


def _plain(values: Values | None) -> dict[str, Any] | None:
    """Return values as JSON has them."""
    if values is None:
        return None
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in values.items()}
