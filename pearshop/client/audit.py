"""What staff did."""

from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from pearshop.client.base import Model, Noun, Page, Someone, page_of


class Entry(Model):
    """One thing that staff did. `user` is `None` where a command line did it."""

    id: int
    user: Someone | None
    action: str
    subject: str
    subject_id: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    created_at: datetime


ENTRIES = TypeAdapter(list[Entry])


class Audit(Noun):
    """The audit log, for staff."""

    async def list(
        self,
        *,
        user: int | None = None,
        subject: str | None = None,
        subject_id: int | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Entry]:
        """Return a page of what was done, the latest first."""
        params = {
            "user": user,
            "subject": subject,
            "subject_id": subject_id,
            "since": since,
            "until": until,
            "limit": limit,
            "cursor": cursor,
        }
        return page_of(await self._caller.call("GET", "/api/audit/", params=params), ENTRIES)
