"""Accounts and sessions."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, case, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from pearshop.db import audit
from pearshop.db.execute import single_statement
from pearshop.db.tables import sessions, users
from pearshop.domain.user import Role, User, username_key
from pearshop.errors import Conflict, Invalid, NotFound, Unauthenticated

LOCKED = "!"
"""Stands in place of a hash that no password has."""
MAX_DEVICE = 200
SESSION_LIFE = timedelta(days=7)
"""How long a refresh token lives."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An account and its password hash (PHC string)."""

    user: User
    password_hash: str


def session_over() -> Unauthenticated:
    """Return the refusal of a session that is revoked, expired or unknown."""
    return Unauthenticated("This session is over: sign in again.", "session_over")


ROLE = case((users.c.is_staff, users.c.role), else_=Role.SHOPPER.word).label("role")
"""A user's role: that of the column counts for staff alone."""
USER = (users.c.id, users.c.username, ROLE)


def user_of(row: Sequence[Any]) -> User:
    """Return the user of a row that has the columns `USER`."""
    return User(row[0], row[1], Role.named(row[2]))


def create(
    connection: Connection, username: str, password_hash: str, role: Role = Role.SHOPPER
) -> User:
    """Store an account. Raises `Invalid` when the name is taken, in whatever letter case."""
    row = connection.execute(
        upsert(users)
        .values(
            username=username,
            username_key=username_key(username),
            password_hash=password_hash,
            **_columns(role),
        )
        .on_conflict_do_nothing(index_elements=[users.c.username_key])
        .returning(users.c.id)
    ).one_or_none()
    if row is None:
        raise Invalid.of("username", "is taken: choose another.", "username_taken")
    return User(row.id, username, role)


@single_statement
def credentials(connection: Connection, username: str) -> Credentials | None:
    """Return an account by its name, in whatever letter case."""
    row = connection.execute(
        select(*USER, users.c.password_hash).where(
            users.c.username_key == username_key(username), users.c.deactivated_at.is_(None)
        )
    ).one_or_none()
    return row and Credentials(user_of(row), row.password_hash)


@single_statement
def get(connection: Connection, user_id: int) -> User:
    """Return an account. Raises `NotFound`."""
    row = connection.execute(select(*USER).where(users.c.id == user_id)).one_or_none()
    if row is None:
        raise unknown_user()
    return user_of(row)


def unknown_user() -> NotFound:
    """Return the refusal for an id that names nobody."""
    return NotFound("There is no such user.", "user_unknown")


def open_session(connection: Connection, user_id: int, password_hash: str, device: str = "") -> int:
    """Return the id of a new session. `device`: what its owner may know it by.

    Raises `Unauthenticated` when the password was changed since it was checked.
    """
    unchanged = connection.execute(
        select(users.c.id)
        .where(
            users.c.id == user_id,
            users.c.password_hash == password_hash,
            users.c.deactivated_at.is_(None),
        )
        .with_for_update(key_share=True)
    ).one_or_none()
    if unchanged is None:
        raise session_over()
    session_id: int = connection.execute(
        insert(sessions)
        .values(
            user_id=user_id,
            expires_at=datetime.now(UTC) + SESSION_LIFE,
            device=device[:MAX_DEVICE],
        )
        .returning(sessions.c.id)
    ).scalar_one()
    return session_id


@single_statement
def of_session(connection: Connection, session_id: int) -> User:
    """Return the user of a session that is open. Raises `Unauthenticated`."""
    row = connection.execute(
        select(*USER)
        .join(sessions, sessions.c.user_id == users.c.id)
        .where(
            sessions.c.id == session_id,
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > func.now(),
            users.c.deactivated_at.is_(None),
        )
    ).one_or_none()
    if row is None:
        raise session_over()
    return user_of(row)


def close_session(connection: Connection, session_id: int) -> None:
    """Revoke one session; a session that is over stays so."""
    connection.execute(
        update(sessions)
        .where(sessions.c.id == session_id, sessions.c.revoked_at.is_(None))
        .values(revoked_at=func.clock_timestamp())
    )


def change_password(
    connection: Connection, user_id: int, old_hash: str, new_hash: str
) -> list[int]:
    """Set a password and revoke all of the user's sessions; return their ids.

    Raises `Unauthenticated` when the password was changed meanwhile.
    """
    changed = connection.execute(
        update(users)
        .where(users.c.id == user_id, users.c.password_hash == old_hash)
        .values(password_hash=new_hash)
        .returning(users.c.id)
    ).one_or_none()
    if changed is None:
        raise session_over()
    return end_sessions(connection, user_id)


def end_sessions(connection: Connection, user_id: int) -> list[int]:
    """Revoke all of a user's open sessions; return their ids."""
    return list(
        connection.execute(
            update(sessions)
            .where(sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None))
            .values(revoked_at=func.clock_timestamp())
            .returning(sessions.c.id)
        ).scalars()
    )


def _columns(role: Role) -> dict[str, Any]:
    """Return the columns that say so."""
    staff = role > Role.SHOPPER
    return {"is_staff": staff} | ({"role": role.word} if staff else {})


class Account(NamedTuple):
    """An account as staff see it."""

    user: User
    active: bool
    created_at: datetime


class Wanted(NamedTuple):
    """Which accounts are wanted; `None`: any. `search` is how a username begins."""

    search: str = ""
    role: Role | None = None
    active: bool | None = None


@single_statement
def page(connection: Connection, wanted: Wanted, limit: int, before: int | None) -> list[Account]:
    """Return up to `limit` accounts, the newest first; `before` is where the last page ended."""
    query = _accounts().where(*_conditions(wanted)).order_by(users.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(users.c.id < before)
    return [_account(row) for row in connection.execute(query)]


@single_statement
def account(connection: Connection, user_id: int) -> Account:
    """Return one account. Raises `NotFound`."""
    row = connection.execute(_accounts().where(users.c.id == user_id)).one_or_none()
    if row is None:
        raise unknown_user()
    return _account(row)


class AccountChanged(NamedTuple):
    """An account as it is now; the sessions that ended over it."""

    account: Account
    ended: list[int]


def change(
    connection: Connection, user_id: int, role: Role | None, active: bool | None, by: int
) -> AccountChanged:
    """Set what an account may do, and whether it may sign in. Who may do less has to sign in anew.

    Raises `NotFound`, and `Conflict` when no owner would be left.
    """
    # All who change owners wait for each other, or two could demote one another.
    owners = connection.execute(
        select(users.c.id)
        .where(users.c.is_staff, users.c.role == Role.OWNER.word, users.c.deactivated_at.is_(None))
        .order_by(users.c.id)
        .with_for_update()
    ).scalars()
    others = set(owners) - {user_id}
    old = account(connection, user_id)
    new_role = old.user.role if role is None else role
    new_active = old.active if active is None else active
    was_owner = old.active and old.user.role == Role.OWNER
    if was_owner and not others and not (new_active and new_role == Role.OWNER):
        raise Conflict("This is the last owner: make somebody else one first.", "last_owner")
    if (new_role, new_active) == (old.user.role, old.active):
        return AccountChanged(old, [])
    deactivated = None if new_active else func.coalesce(users.c.deactivated_at, func.now())
    connection.execute(
        update(users)
        .where(users.c.id == user_id)
        .values(**_columns(new_role), deactivated_at=deactivated)
    )
    loses = new_role < old.user.role or not new_active
    ended = end_sessions(connection, user_id) if loses else []
    before = {"role": old.user.role.word, "active": old.active}
    after = {"role": new_role.word, "active": new_active}
    audit.record(connection, by, [audit.Deed("user.changed", user_id, before, after)])
    return AccountChanged(account(connection, user_id), ended)


def sign_out(connection: Connection, user_id: int, by: int) -> list[int]:
    """End all sessions of an account, as staff may; return their ids. Raises `NotFound`."""
    get(connection, user_id)
    ended = end_sessions(connection, user_id)
    deed = audit.Deed("user.signed_out", user_id, None, {"sessions": len(ended)})
    audit.record(connection, by, [deed])
    return ended


def _accounts() -> Select[Any]:
    return select(*USER, users.c.deactivated_at.is_(None), users.c.created_at)


def _account(row: Sequence[Any]) -> Account:
    return Account(user_of(row), row[3], row[4])


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.role == Role.SHOPPER:
        conditions.append(~users.c.is_staff)
    elif wanted.role is not None:
        conditions += [users.c.is_staff, users.c.role == wanted.role.word]
    if wanted.active is not None:
        gone = users.c.deactivated_at.is_not(None)
        conditions.append(~gone if wanted.active else gone)
    if search := wanted.search.strip():
        conditions.append(begins_with(search))
    return conditions


def begins_with(search: str) -> ColumnElement[bool]:
    """Return the condition that a username begins so."""
    return users.c.username_key.startswith(username_key(search), autoescape=True)


def create_guest(connection: Connection) -> Credentials:
    """Store an account for a visitor, who has neither a name of their own nor a password."""
    user = create(connection, f"guest-{secrets.token_hex(8)}", LOCKED)
    connection.execute(update(users).where(users.c.id == user.id).values(is_guest=True))
    return Credentials(user, LOCKED)


def merge_guest(connection: Connection, guest_id: int, user_id: int) -> list[int]:
    """Give a visitor's cart to an account and end their sessions; return those that ended.

    Raises `Conflict` when it is no visitor, or was given to another account.
    """
    row = connection.execute(
        select(users.c.is_guest, users.c.merged_into)
        .where(users.c.id == guest_id)
        .with_for_update()
    ).one_or_none()
    if row is None or not row.is_guest or guest_id == user_id:
        raise Conflict("Only a visitor's cart can be merged.", "no_guest")
    if row.merged_into not in {None, user_id}:
        raise Conflict("That cart was merged into another account.", "merged")
    connection.execute(update(users).where(users.c.id == guest_id).values(merged_into=user_id))
    return end_sessions(connection, guest_id)


class OpenSession(NamedTuple):
    """A session that has not ended."""

    id: int
    device: str
    created_at: datetime
    expires_at: datetime


@single_statement
def open_sessions(connection: Connection, user_id: int, limit: int) -> list[OpenSession]:
    """Return an account's sessions that have not ended, the latest first."""
    rows = connection.execute(
        select(*(sessions.c[name] for name in OpenSession._fields))
        .where(
            sessions.c.user_id == user_id,
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > func.now(),
        )
        .order_by(sessions.c.id.desc())
        .limit(limit)
    )
    return [OpenSession(*row) for row in rows]


def end_session(connection: Connection, user_id: int, session_id: int) -> None:
    """End one of an account's sessions; one that is over stays so. Raises `NotFound`."""
    known = connection.execute(
        select(sessions.c.id).where(sessions.c.id == session_id, sessions.c.user_id == user_id)
    ).first()
    if known is None:
        raise NotFound("There is no such session of yours.", "session_unknown")
    close_session(connection, session_id)
