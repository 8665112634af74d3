"""What positions in the write-ahead log prove."""

import math

from pearshop.db.wal import Position, whole_until

HISTORY = "cluster timeline database"


def primary(asked_at: float, lsn: int, history: str = HISTORY) -> Position:
    return Position(asked_at, False, lsn, history)


def replica(lsn: int) -> Position:
    return Position(99, True, lsn, HISTORY)


def test_an_idle_primary_makes_no_replica_lag() -> None:
    assert whole_until([primary(1, 50), primary(2, 50), primary(3, 50)], replica(50)) == 3


def test_what_the_primary_had_written_before_it_was_asked_is_what_counts() -> None:
    positions = [primary(1, 40), primary(2, 50), primary(3, 60)]
    assert whole_until(positions, replica(59)) == 2
    assert whole_until(positions, replica(60)) == 3
    assert whole_until(positions, replica(39)) == -math.inf


def test_positions_of_another_history_prove_nothing() -> None:
    positions = [primary(1, 40), primary(2, 45, "promoted")]
    assert whole_until(positions, replica(50)) == 1
    assert whole_until(positions[1:], replica(50)) == -math.inf
    assert whole_until([], replica(50)) == -math.inf
