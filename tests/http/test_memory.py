"""A replica's own memory, by a clock that the test turns."""

import pytest

from pearshop.http.caching.memory import JITTER, Memory, jittered


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_value_is_fresh_then_usable_then_only_known(clock: Clock) -> None:
    memory: Memory[str] = Memory(10, 20, 100, clock)
    memory.put("a", "value")
    entry = memory.get("a")
    assert entry is not None
    seen = []
    for seconds in (0, 10 * (1 - JITTER) - 0.01, 2.02, 17.9, 2.1):
        clock.now += seconds
        seen.append((memory.is_fresh(entry), memory.is_usable(entry)))
    assert seen[0] == seen[1] == (True, True)
    assert seen[2] == (False, True)
    assert seen[4] == (False, False)
    assert memory.get("a") is entry


def test_a_value_may_be_trusted_for_longer(clock: Clock) -> None:
    memory: Memory[str] = Memory(10, 20, 100, clock)
    memory.put("a", "value", times=6)
    entry = memory.get("a")
    assert entry is not None
    clock.now += 60 * (1 - JITTER) - 0.01
    assert memory.is_fresh(entry)
    clock.now += 60 * JITTER + 0.02
    assert not memory.is_fresh(entry)


@pytest.mark.parametrize(("age", "least", "most"), [(45, 10 * (1 - JITTER), 15), (90, 8, 10)])
def test_a_value_that_is_old_already_is_trusted_for_the_rest_but_not_for_nothing(
    clock: Clock, age: float, least: float, most: float
) -> None:
    memory: Memory[str] = Memory(10, 20, 100, clock)
    memory.put("a", "value", times=6, age=age)
    entry = memory.get("a")
    assert entry is not None
    clock.now += least - 0.01
    assert memory.is_fresh(entry)
    clock.now += most - least + 0.02
    assert not memory.is_fresh(entry)
    assert memory.is_usable(entry)


def test_what_is_doubted_stays_but_is_not_trusted(clock: Clock) -> None:
    memory: Memory[str] = Memory(10, 20, 100, clock)
    memory.put("a", "value")
    memory.put("b", "value")
    memory.doubt("a", "unknown")
    entries = [memory.get(each) for each in "ab"]
    assert [each is not None and memory.is_usable(each) for each in entries] == [False, True]
    memory.doubt_all()
    assert not any(each is not None and memory.is_usable(each) for each in entries)


def test_the_oldest_go_when_there_is_no_room(clock: Clock) -> None:
    memory: Memory[str] = Memory(10, 20, 10, clock)
    memory.put("a", "value", 4)
    memory.put("b", "value", 4)
    memory.put("a", "another", 4)  # is the newest now
    memory.put("c", "value", 4)
    assert [key for key in "abc" if memory.get(key)] == ["a", "c"]
    memory.put("d", "too large", 11)
    assert not any(memory.get(key) for key in "abcd")
    memory.put("e", "value", 10)
    assert memory.get("e")


def test_times_to_live_differ() -> None:
    lives = {jittered(100) for _ in range(50)}
    assert len(lives) > 40
    assert 100 * (1 - JITTER) <= min(lives) <= max(lives) <= 100
