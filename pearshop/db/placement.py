"""How many cart hosts there are, and what else every replica must hear of each second."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from pearshop.db.execute import single_statement

SET = text("""
INSERT INTO placement AS p (id, epoch, hosts) VALUES (1, 1, :hosts)
ON CONFLICT (id) DO UPDATE
SET epoch = p.epoch + (p.hosts <> excluded.hosts)::int, hosts = excluded.hosts
RETURNING epoch, hosts
""")

PULSE = text("""
SELECT p.epoch, p.hosts, now(),
       ARRAY(SELECT id FROM sessions
             WHERE revoked_at > COALESCE(:since, now() - interval '20 minutes') - interval '10 s')
FROM placement p
""")


@dataclass(frozen=True, slots=True)
class Placement:
    """`hosts` cart hosts; `epoch` grows with each change of their number."""

    epoch: int
    hosts: int


@dataclass(frozen=True, slots=True)
class Pulse:
    """The placement and the sessions revoked lately, as of the database's time `at`."""

    placement: Placement
    at: datetime
    revoked: tuple[int, ...]


def set_hosts(connection: Connection, hosts: int) -> Placement:
    """Set the number of cart hosts; the epoch grows when it differs from the last."""
    return Placement(*connection.execute(SET, {"hosts": hosts}).one())


@single_statement
def pulse(connection: Connection, since: datetime | None) -> Pulse:
    """Return the placement and the sessions revoked since a little before `since`.

    Without `since`: all that an access token might still name.
    """
    epoch, hosts, at, revoked = connection.execute(PULSE, {"since": since}).one()
    return Pulse(Placement(epoch, hosts), at, tuple(revoked))
