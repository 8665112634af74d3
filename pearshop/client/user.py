"""Accounts."""

from datetime import datetime
from typing import Any, Literal

from pydantic import TypeAdapter

from pearshop.client.base import Noun, Page, Someone, page_of

RoleName = Literal["shopper", "viewer", "editor", "owner"]


class Me(Someone):
    """Who is signed in."""

    role: RoleName


class Account(Me):
    """An account as staff see it. `active`: they may sign in."""

    active: bool
    created_at: datetime


ACCOUNTS = TypeAdapter(list[Account])


class Users(Noun):
    """Accounts, for staff."""

    async def list(
        self,
        *,
        search: str = "",
        role: RoleName | None = None,
        active: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[Account]:
        """Return a page of accounts, the newest first; `search`: how a username begins."""
        params = {
            "search": search or None,
            "role": role,
            "active": active,
            "limit": limit,
            "cursor": cursor,
        }
        return page_of(await self._caller.call("GET", "/api/user/", params=params), ACCOUNTS)

    async def get(self, user_id: int) -> Account:
        """Return an account. Raises `NotFound`."""
        answer = await self._caller.call("GET", f"/api/user/{user_id}/")
        return Account.model_validate_json(answer.content)

    async def change(
        self, user_id: int, *, role: RoleName | None = None, active: bool | None = None
    ) -> Account:
        """Set what somebody may do, or whether they may sign in.

        Raises `Forbidden`, and `Conflict` where nobody could do it any more.
        """
        wish: dict[str, Any] = {"role": role, "active": active}
        members = {name: value for name, value in wish.items() if value is not None}
        path = f"/api/user/{user_id}/"
        answer = await self._caller.call("PATCH", path, json=members, repeatable=True)
        return Account.model_validate_json(answer.content)

    async def end_sessions(self, user_id: int) -> None:
        """Have the tokens of an account refused from now on."""
        await self._caller.call("DELETE", f"/api/user/{user_id}/sessions/")
