"""Where a server is in the write-ahead log, and what that proves of a replica."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

LOOK = text("""
SELECT standby,
       COALESCE((CASE WHEN standby THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)
                - '0/0', 0),
       concat_ws(' ', (SELECT system_identifier FROM pg_control_system()),
                 CASE WHEN standby THEN
                   (SELECT upper(lpad(to_hex(min_recovery_end_timeline), 8, '0'))
                    FROM pg_control_recovery())
                 ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END,
                 current_database())
FROM (SELECT pg_is_in_recovery() AS standby) AS role
""")


@dataclass(frozen=True, slots=True)
class Position:
    """What a server answered that was asked at `asked_at` (s, monotonic).

    `lsn` is how far a primary had written and a standby replayed. `history` names the cluster, the
    timeline and the database: positions of two histories say nothing of each other.
    """

    asked_at: float
    standby: bool
    lsn: int
    history: str


def look(connection: Connection) -> Position:
    """Return the position of a server."""
    asked_at = time.monotonic()
    standby, lsn, history = connection.execute(LOOK).one()
    return Position(asked_at, standby, int(lsn), history)


def whole_until(primary: Sequence[Position], replica: Position) -> float:
    """Return a time before which nothing was committed that the replica lacks; `-inf` for none.

    What was committed when the primary was asked lies below the position that it answered.
    """
    proven = [
        each.asked_at
        for each in primary
        if each.lsn <= replica.lsn and each.history == replica.history
    ]
    return max(proven, default=-math.inf)
