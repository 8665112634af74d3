"""The placement's epoch and what each replica hears every second."""

from pearshop.db import placement, user
from pearshop.db.placement import Placement
from tests.db.conftest import Rows


def test_the_epoch_grows_with_each_change_only(rows: Rows) -> None:
    assert rows.run(placement.set_hosts, 2) == Placement(1, 2)
    assert rows.run(placement.set_hosts, 2) == Placement(1, 2)
    assert rows.run(placement.set_hosts, 3) == Placement(2, 3)


def test_a_pulse_tells_of_revoked_sessions(rows: Rows) -> None:
    rows.run(placement.set_hosts, 1)
    account = rows.user()
    kept, ended = (rows.run(user.open_session, account.id, "hash") for _ in range(2))
    rows.run(user.close_session, ended)
    first = rows.run(placement.pulse, None)
    assert ended in first.revoked
    assert kept not in first.revoked
    assert ended in rows.run(placement.pulse, first.at).revoked
