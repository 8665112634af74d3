"""Accounts and sessions."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from pearshop.db.execute import single_statement
from pearshop.db.tables import sessions, users
from pearshop.domain.user import User, username_key
from pearshop.errors import Invalid, NotFound, Unauthenticated

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


def create(
    connection: Connection, username: str, password_hash: str, is_staff: bool = False
) -> User:
    """Store an account. Raises `Invalid` when the name is taken, in whatever letter case."""
    row = connection.execute(
        upsert(users)
        .values(
            username=username,
            username_key=username_key(username),
            password_hash=password_hash,
            is_staff=is_staff,
        )
        .on_conflict_do_nothing(index_elements=[users.c.username_key])
        .returning(users.c.id)
    ).one_or_none()
    if row is None:
        raise Invalid.of("username", "is taken: choose another.", "username_taken")
    return User(row.id, username, is_staff)


@single_statement
def credentials(connection: Connection, username: str) -> Credentials | None:
    """Return an account by its name, in whatever letter case."""
    row = connection.execute(
        select(users.c.id, users.c.username, users.c.is_staff, users.c.password_hash).where(
            users.c.username_key == username_key(username)
        )
    ).one_or_none()
    return row and Credentials(User(row.id, row.username, row.is_staff), row.password_hash)


@single_statement
def get(connection: Connection, user_id: int) -> User:
    """Return an account. Raises `NotFound`."""
    row = connection.execute(
        select(users.c.id, users.c.username, users.c.is_staff).where(users.c.id == user_id)
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such user.", "user_unknown")
    return User(*row)


def open_session(connection: Connection, user_id: int, password_hash: str) -> int:
    """Return the id of a new session.

    Raises `Unauthenticated` when the password was changed since it was checked.
    """
    unchanged = connection.execute(
        select(users.c.id)
        .where(users.c.id == user_id, users.c.password_hash == password_hash)
        .with_for_update(key_share=True)
    ).one_or_none()
    if unchanged is None:
        raise session_over()
    session_id: int = connection.execute(
        insert(sessions)
        .values(user_id=user_id, expires_at=datetime.now(UTC) + SESSION_LIFE)
        .returning(sessions.c.id)
    ).scalar_one()
    return session_id


@single_statement
def of_session(connection: Connection, session_id: int) -> User:
    """Return the user of a session that is open. Raises `Unauthenticated`."""
    row = connection.execute(
        select(users.c.id, users.c.username, users.c.is_staff)
        .join(sessions, sessions.c.user_id == users.c.id)
        .where(
            sessions.c.id == session_id,
            sessions.c.revoked_at.is_(None),
            sessions.c.expires_at > func.now(),
        )
    ).one_or_none()
    if row is None:
        raise session_over()
    return User(*row)


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
    return list(
        connection.execute(
            update(sessions)
            .where(sessions.c.user_id == user_id, sessions.c.revoked_at.is_(None))
            .values(revoked_at=func.clock_timestamp())
            .returning(sessions.c.id)
        ).scalars()
    )
