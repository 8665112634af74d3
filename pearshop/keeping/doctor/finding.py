"""What one look found. Pure."""

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How bad it is: only `FAIL` makes the command fail."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


class Finding(NamedTuple):
    """One line: what was looked at, what it is like, and what to do where it is not well."""

    level: Level
    check: str
    says: str
    advice: str = ""


def ok(check: str, says: str) -> Finding:
    """Return that something is well."""
    return Finding(Level.OK, check, says)


def warn(check: str, says: str, advice: str) -> Finding:
    """Return that something should be another."""
    return Finding(Level.WARN, check, says, advice)


def fail(check: str, says: str, advice: str) -> Finding:
    """Return that something loses data, lets strangers in, or keeps the shop from running."""
    return Finding(Level.FAIL, check, says, advice)
