"""Accounts and sessions."""

import pytest

from pearshop.db import user as user_rows
from pearshop.errors import Invalid, Unauthenticated
from tests.db.conftest import Rows


def test_a_name_in_other_letter_case_is_taken(rows: Rows) -> None:
    rows.run(user_rows.create, "Ada", "hash")
    with pytest.raises(Invalid, match="taken"):
        rows.run(user_rows.create, "aDA", "hash")
    found = rows.run(user_rows.credentials, "ADA")
    assert found is not None
    assert found.user.username == "Ada"


def test_a_closed_session_is_over(rows: Rows) -> None:
    user = rows.user()
    session = rows.run(user_rows.open_session, user.id, "hash")
    assert rows.run(user_rows.of_session, session) == user
    rows.run(user_rows.close_session, session)
    with pytest.raises(Unauthenticated):
        rows.run(user_rows.of_session, session)


def test_a_new_password_ends_all_sessions(rows: Rows) -> None:
    user = rows.user()
    sessions = [rows.run(user_rows.open_session, user.id, "hash") for _ in range(2)]
    assert sorted(rows.run(user_rows.change_password, user.id, "hash", "new")) == sessions
    for session in sessions:
        with pytest.raises(Unauthenticated):
            rows.run(user_rows.of_session, session)


def test_a_password_checked_before_it_changed_opens_nothing(rows: Rows) -> None:
    user = rows.user()
    rows.run(user_rows.change_password, user.id, "hash", "new")
    with pytest.raises(Unauthenticated):
        rows.run(user_rows.open_session, user.id, "hash")
    with pytest.raises(Unauthenticated):
        rows.run(user_rows.change_password, user.id, "hash", "newer")
