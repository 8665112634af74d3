"""Accounts and sign-in on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from pearshop.db.user import Account, OpenSession
from pearshop.domain.user import MAX_PASSWORD
from pearshop.schemas.base import EmptyIsNone, Request, Text, instant
from pearshop.schemas.query import Cursored

Word = Annotated[Text, Field(min_length=1, max_length=MAX_PASSWORD)]


class CredentialsIn(Request):
    """A name and a password."""

    username: Word
    password: Word


class SignInIn(CredentialsIn):
    """A name and a password, and where the refresh token is to be kept."""

    cookie: Annotated[
        bool,
        Field(description="Keep the refresh token in a cookie that scripts cannot read."),
    ] = False


class RefreshIn(Request):
    """A refresh token."""

    refresh: Annotated[
        Annotated[Text, Field(min_length=1, max_length=4096)] | None,
        Field(description="May be left out where the browser keeps it in a cookie."),
    ] = None


class PasswordIn(Request):
    """The present password and the next one."""

    old_password: Word
    new_password: Word


class UserOut(BaseModel):
    """All that anyone is told of a user."""

    id: int
    username: str


class UsernameOut(BaseModel):
    """The account that was made."""

    username: str


class TokensOut(BaseModel):
    """Tokens of a new session."""

    access: str
    refresh: str


class AccessOut(BaseModel):
    """A new access token."""

    access: str


class MessageOut(BaseModel):
    """A word."""

    message: str


RoleName = Literal["shopper", "viewer", "editor", "owner"]


class AccountOut(BaseModel):
    """An account as staff see it. `active`: they may sign in."""

    id: int
    username: str
    role: RoleName
    active: bool
    created_at: datetime


class AccountPatch(Request):
    """What somebody may do from now on, and whether they may sign in."""

    role: RoleName | None = None
    active: bool | None = None


class AccountQuery(Cursored):
    """Which accounts are wanted."""

    search: Annotated[Text, Field(max_length=200, description="How a username begins.")] = ""
    role: Annotated[RoleName | None, EmptyIsNone] = None
    active: Annotated[bool | None, EmptyIsNone] = None


class MeOut(BaseModel):
    """Who is signed in."""

    id: int
    username: str
    role: RoleName


def render_account(account: Account) -> dict[str, Any]:
    """Return the members of an account, see `AccountOut`."""
    return {
        "id": account.user.id,
        "username": account.user.username,
        "role": account.user.role.word,
        "active": account.active,
        "created_at": instant(account.created_at),
    }


class GuestIn(Request):
    """Where a visitor's refresh token is to be kept."""

    cookie: Annotated[
        bool,
        Field(description="Keep the refresh token in a cookie that scripts cannot read."),
    ] = False


class SessionOut(BaseModel):
    """A session that has not ended. `device`: how its browser or app calls itself."""

    id: int
    device: str
    current: bool
    created_at: datetime
    expires_at: datetime


def render_session(found: OpenSession, current: int) -> dict[str, Any]:
    """Return the members of a session, see `SessionOut`; `current` is the caller's."""
    return {
        "id": found.id,
        "device": found.device,
        "current": found.id == current,
        "created_at": instant(found.created_at),
        "expires_at": instant(found.expires_at),
    }
