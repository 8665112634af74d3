"""These tests are pure: no socket, no Ray."""

import pytest

from pearshop.actors.host import CartHost
from tests.actors.fakes import LIMITS, Clock, MemoryStore
from tests.pure import _nothing_outside

__all__ = ["_nothing_outside"]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def host(store: MemoryStore, clock: Clock) -> CartHost:
    return CartHost(store, LIMITS, wall=clock, monotonic=clock, sleep=clock.sleep)
