"""Accounts and sign-in on the wire."""

from typing import Annotated

from pydantic import BaseModel, Field

from pearshop.domain.user import MAX_PASSWORD
from pearshop.schemas.base import Request, Text

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
