"""Ids in paths."""

from pearshop.errors import NotFound

MAX_ID = (1 << 63) - 1


def identity(text: str, noun: str) -> int:
    """Return an id from a path. Raises `NotFound` for what can be no id."""
    if text.isascii() and text.isdigit() and len(text) <= 19 and 1 <= int(text) <= MAX_ID:
        return int(text)
    raise NotFound(f"There is no such {noun}.", f"{noun}_unknown")
