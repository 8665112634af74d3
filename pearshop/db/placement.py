"""Who may carry which carts: the number of hosts, and the process that holds each number.

A host process claims its number and gets a grant; the next claim of that number, or another number
of hosts, ends the grant. Saves and orders name their grant and happen only while it is good. A
change of grants waits for the transactions that still rely on the old one, by an advisory lock
that they share: once it has committed, nothing is ever stored under an old grant.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from pearshop.db.execute import single_statement

LOCK = 0x70656172
"""Held shared while carts are stored, exclusively while grants change."""
SHARE = f"pg_advisory_xact_lock_shared({LOCK})"
"""Goes before a statement that relies on a grant; that statement then sees what is granted now."""
GRANTED = """EXISTS (
  SELECT 1 FROM placement p JOIN cart_hosts h ON h.number = :host
  WHERE p.epoch = :epoch AND h.incarnation = :incarnation
)"""
GRANT_TYPES = {"host": "int", "incarnation": "bigint", "epoch": "bigint"}
"""SQL types of the parameters of `GRANTED`."""

EXCLUDE = text(f"SELECT pg_advisory_xact_lock({LOCK})")

BOUND = text("""
INSERT INTO placement AS p (id, epoch, hosts, release) VALUES (1, 1, :least, :release)
ON CONFLICT (id) DO UPDATE
SET epoch = p.epoch + (p.hosts NOT BETWEEN :least AND :most)::int,
    hosts = LEAST(GREATEST(p.hosts, :least), :most),
    release = excluded.release
""")

RESIZE = text("""
UPDATE placement SET epoch = epoch + 1, hosts = :hosts WHERE epoch = :epoch AND hosts <> :hosts
""")

CLAIM = text("""
INSERT INTO cart_hosts AS h (number, incarnation, actor) VALUES (:number, 1, :actor)
ON CONFLICT (number) DO UPDATE
SET incarnation = h.incarnation + 1, actor = excluded.actor, claimed_at = now()
""")

CONFIRM = text("""
SELECT h.number, h.incarnation, h.actor, p.epoch, p.hosts
FROM cart_hosts h CROSS JOIN placement p WHERE h.number = :number
""")

PULSE = text("""
SELECT p.epoch, p.hosts, p.release,
       ARRAY(SELECT COALESCE(h.actor, '') FROM generate_series(0, p.hosts - 1) AS n
             LEFT JOIN cart_hosts h ON h.number = n ORDER BY n),
       now(),
       ARRAY(SELECT id FROM sessions
             WHERE revoked_at > COALESCE(:since, now() - interval '20 minutes') - interval '10 s')
FROM placement p
""")


@dataclass(frozen=True, slots=True)
class Placement:
    """`hosts` cart hosts; `epoch` grows with each change of their number.

    `actors` names the process that holds each host number, "" where there was none yet; `release`
    is the code and settings that the hosts should run.
    """

    epoch: int
    hosts: int
    actors: tuple[str, ...] = ()
    release: str = ""

    def actor(self, host: int) -> str:
        """Return the name of the process that holds a host number, "" when nobody does."""
        return self.actors[host] if host < len(self.actors) else ""


class Grant(NamedTuple):
    """The right of the process `actor`, by its `incarnation`, to be host `number` of `hosts`."""

    number: int
    incarnation: int
    actor: str
    epoch: int
    hosts: int

    def parameters(self) -> dict[str, int]:
        """Return what `GRANTED` asks for."""
        return {"host": self.number, "incarnation": self.incarnation, "epoch": self.epoch}


@dataclass(frozen=True, slots=True)
class Pulse:
    """The placement and the sessions revoked lately, as of the database's time `at`."""

    placement: Placement
    at: datetime
    revoked: tuple[int, ...]


def bound_hosts(connection: Connection, least: int, most: int, release: str) -> Placement:
    """Bring the number of cart hosts within bounds; the epoch grows when it was not.

    The first time there are `least`.
    """
    connection.execute(EXCLUDE)
    connection.execute(BOUND, {"least": least, "most": most, "release": release})
    return pulse(connection, None).placement


def resize(connection: Connection, epoch: int, hosts: int) -> Placement:
    """Change the number of cart hosts, unless somebody did so since `epoch`."""
    connection.execute(EXCLUDE)
    connection.execute(RESIZE, {"epoch": epoch, "hosts": hosts})
    return pulse(connection, None).placement


def claim(connection: Connection, number: int, actor: str) -> Grant:
    """Take a host number over from whoever held it."""
    connection.execute(EXCLUDE)
    connection.execute(CLAIM, {"number": number, "actor": actor})
    return confirm(connection, number)


@single_statement
def confirm(connection: Connection, number: int) -> Grant:
    """Return the grant of a host number as it is now, whoever holds it."""
    return Grant(*connection.execute(CONFIRM, {"number": number}).one())


@single_statement
def pulse(connection: Connection, since: datetime | None) -> Pulse:
    """Return the placement and the sessions revoked since a little before `since`.

    Without `since`: all that an access token might still name.
    """
    row = connection.execute(PULSE, {"since": since}).one()
    epoch, hosts, release, actors, at, revoked = row
    return Pulse(Placement(epoch, hosts, tuple(actors), release), at, tuple(revoked))
