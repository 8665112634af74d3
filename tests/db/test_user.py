"""Accounts and sessions."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pearshop.db import audit
from pearshop.db import user as user_rows
from pearshop.domain.user import Role, User
from pearshop.errors import Conflict, Invalid, NotFound, Unauthenticated
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


def owners(rows: Rows, count: int) -> list[User]:
    return [rows.run(user_rows.create, f"o{n}", "hash", Role.OWNER) for n in range(count)]


@pytest.mark.parametrize(("role", "active"), [(Role.VIEWER, None), (None, False)])
def test_whoever_may_do_less_has_to_sign_in_anew(
    rows: Rows, role: Role | None, active: bool | None
) -> None:
    first, second = owners(rows, 2)
    session = rows.run(user_rows.open_session, second.id, "hash")
    changed = rows.run(user_rows.change, second.id, role, active, first.id)
    assert changed.ended == [session]
    with pytest.raises(Unauthenticated):
        rows.run(user_rows.of_session, session)


def test_whoever_may_do_more_need_not(rows: Rows) -> None:
    [owner], user = owners(rows, 1), rows.user()
    session = rows.run(user_rows.open_session, user.id, "hash")
    changed = rows.run(user_rows.change, user.id, Role.EDITOR, None, owner.id)
    assert (changed.account.user.role, changed.ended) == (Role.EDITOR, [])
    assert rows.run(user_rows.of_session, session).role == Role.EDITOR
    [entry] = rows.run(audit.page, audit.Filter(subject="user"), 10, None)
    assert (entry.before, entry.after) == (
        {"role": "shopper", "active": True},
        {"role": "editor", "active": True},
    )


def test_a_deactivated_account_opens_nothing_until_it_is_active_again(rows: Rows) -> None:
    [owner], user = owners(rows, 1), rows.user()
    rows.run(user_rows.change, user.id, None, False, owner.id)
    assert rows.run(user_rows.credentials, user.username) is None
    with pytest.raises(Unauthenticated):
        rows.run(user_rows.open_session, user.id, "hash")
    rows.run(user_rows.change, user.id, None, True, owner.id)
    assert rows.run(user_rows.credentials, user.username) is not None


@pytest.mark.parametrize(("role", "active"), [(Role.EDITOR, None), (None, False)])
def test_an_owner_always_stays(rows: Rows, role: Role | None, active: bool | None) -> None:
    pair = owners(rows, 2)

    def demote(user: User) -> bool:
        try:
            rows.run(user_rows.change, user.id, role, active, user.id)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, pair)) == [False, True]


def test_accounts_are_found_by_name_role_and_whether_they_are_active(rows: Rows) -> None:
    [owner] = owners(rows, 1)
    ada = rows.run(user_rows.create, "Ada%", "hash")
    rows.run(user_rows.create, "adam", "hash")
    rows.run(user_rows.change, ada.id, None, False, owner.id)

    def found(**wanted: Any) -> list[str]:
        page = rows.run(user_rows.page, user_rows.Wanted(**wanted), 10, None)
        return [each.user.username for each in page]

    assert found() == ["adam", "Ada%", "o0"]
    assert found(search="ADA") == ["adam", "Ada%"]
    assert found(search="ada%") == ["Ada%"]
    assert found(active=False) == ["Ada%"]
    assert found(role=Role.OWNER) == ["o0"]
    assert found(role=Role.SHOPPER, active=True) == ["adam"]


def test_all_sessions_of_an_account_end_at_once(rows: Rows) -> None:
    [owner], user = owners(rows, 1), rows.user()
    sessions = [rows.run(user_rows.open_session, user.id, "hash") for _ in range(2)]
    assert sorted(rows.run(user_rows.sign_out, user.id, owner.id)) == sessions
    with pytest.raises(NotFound):
        rows.run(user_rows.sign_out, 99, owner.id)
