"""The audit log on the wire."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from pearshop.db.audit import Entry
from pearshop.schemas.base import EmptyIsNone, Identity, Instant, Text, instant
from pearshop.schemas.query import Cursored
from pearshop.schemas.user import UserOut


class AuditOut(BaseModel):
    """One thing that staff did. `user` is null where a command line did it."""

    id: int
    user: UserOut | None
    action: str
    subject: str
    subject_id: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    created_at: datetime


class AuditQuery(Cursored):
    """Which entries are wanted."""

    user: Annotated[Identity | None, EmptyIsNone, Field(description="Who did it.")] = None
    subject: Annotated[
        Annotated[Text, Field(max_length=40)] | None,
        EmptyIsNone,
        Field(description="What kind of thing it was done to, for one `product`."),
    ] = None
    subject_id: Annotated[Identity | None, EmptyIsNone] = None
    since: Annotated[Instant | None, EmptyIsNone] = None
    until: Annotated[Instant | None, EmptyIsNone] = None


def render_entry(entry: Entry) -> dict[str, Any]:
    """Return the members of an entry, see `AuditOut`."""
    user = None if entry.user_id is None else {"id": entry.user_id, "username": entry.username}
    return {
        "id": entry.id,
        "user": user,
        "action": entry.action,
        "subject": entry.subject,
        "subject_id": entry.subject_id,
        "before": entry.before,
        "after": entry.after,
        "created_at": instant(entry.created_at),
    }
