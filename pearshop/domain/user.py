"""Usernames and passwords: what is allowed. Pure."""

import unicodedata
from dataclasses import dataclass
from enum import IntEnum

from pearshop.errors import Invalid

MAX_USERNAME = 150
MIN_PASSWORD = 8
MAX_PASSWORD = 1_024
COMMON = frozenset(
    {
        "password",
        "12345678",
        "123456789",
        "1234567890",
        "qwertyui",
        "qwertyuiop",
        "qwerty123",
        "iloveyou",
        "password1",
        "password123",
        "11111111",
        "00000000",
        "abc12345",
        "abcd1234",
        "1q2w3e4r",
        "letmein1",
        "sunshine",
        "princess",
        "football",
        "baseball",
        "superman",
        "trustno1",
        "welcome1",
        "admin123",
        "passw0rd",
    }
)
"""Passwords that lists of leaked ones begin with."""


class Role(IntEnum):
    """What somebody may do; each may do what those before may, and more."""

    SHOPPER = 0
    """Buy, and see what is their own."""
    VIEWER = 1
    """See the whole shop, and change nothing."""
    EDITOR = 2
    """Change products, carts and orders."""
    OWNER = 3
    """Decide who may do what, and who is told of orders."""

    @property
    def word(self) -> str:
        """The name by which the database and the API know it."""
        return self.name.lower()

    @classmethod
    def named(cls, word: str) -> "Role":
        """Return the role of that name. Raises `KeyError`."""
        return cls[word.upper()]


@dataclass(frozen=True, slots=True)
class User:
    """An account."""

    id: int
    username: str
    role: Role = Role.SHOPPER

    @property
    def is_staff(self) -> bool:
        """Whether they may see what is not their own."""
        return self.role > Role.SHOPPER


def username_key(username: str) -> str:
    """Return the form under which a username is unique: NFKC, trimmed, letter case folded."""
    return unicodedata.normalize("NFKC", username).strip().casefold()


def check_username(username: str) -> str:
    """Return the username as it will be stored. Raises `Invalid`."""
    name = unicodedata.normalize("NFKC", username).strip()
    if not 1 <= len(name) <= MAX_USERNAME:
        raise Invalid.of("username", f"must have from 1 to {MAX_USERNAME} characters.")
    if any(unicodedata.category(c)[0] in "CZ" and c != " " for c in name):
        raise Invalid.of("username", "must not contain control or invisible characters.")
    return name


def check_password(password: str, username: str, member: str = "password") -> None:
    """Raise `Invalid` for a password that is too weak."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Invalid.of(member, f"must have from {MIN_PASSWORD} to {MAX_PASSWORD:,} characters.")
    if password.casefold() in COMMON or len(set(password)) < 3:
        raise Invalid.of(member, "is too easy to guess: choose another.")
    if password.casefold() == username_key(username):
        raise Invalid.of(member, "must not be the username.")
