"""Whose request is being worked on: ids that go with calls from process to process."""

import itertools
import os
import re
from contextvars import ContextVar

Origin = tuple[str, str]
"""A request: its id, and its W3C `traceparent`, empty unless traces are told."""
ORIGINS: ContextVar[tuple[Origin, ...]] = ContextVar("origins", default=())
"""The requests that this work is for; batched work is for many."""
WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,64}")
PREFIX = os.urandom(6).hex()
NUMBERS = itertools.count()


def request_id_of(sent: bytes | None) -> str:
    """Return a client's id for its request if it is well-formed, else one made here."""
    if sent is not None and WELL_FORMED.fullmatch(sent):
        return sent.decode()
    return f"{PREFIX}-{next(NUMBERS):x}"
