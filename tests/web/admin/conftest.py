"""These tests are pure: no socket, no Ray."""

from tests.pure import _nothing_outside

__all__ = ["_nothing_outside"]
