"""Bring a database to the schema of this code, while code of before may be at work on it."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import psycopg2.errors
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from pearshop.errors import ConfigurationError

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK = 0x6D696772
"""Advisory lock that lets one migration run at a time."""
LOCK_TIMEOUT_S = 1.5
"""Whoever waits for a table makes all others wait behind it: so long, then it lets them through.
Less than the shop's statements may take."""
ATTEMPTS = 20
PATIENCE_S = 600.0
"""How long another migration is waited for."""


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


@cache
def head() -> str:
    """Return the revision that this code needs."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head() or ""


@cache
def _known() -> frozenset[str]:
    return frozenset(
        script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    )


def revision(connection: Connection) -> str | None:
    """Return the revision of a database, `None` when it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def is_known(found: str) -> bool:
    """Return whether this code knows a revision; one that it does not know is of newer code."""
    return found in _known()


def check_not_newer(connection: Connection) -> None:
    """Raise `ConfigurationError` when the schema comes from newer code than this."""
    found = revision(connection)
    if found is not None and not is_known(found):
        raise ConfigurationError(
            f"The database's schema ({found}) is newer than this code ({head()}): "
            "run the newer PearShop, or restore a backup made before its migration."
        )


def upgrade(engine: Engine, target: str = "head") -> None:
    """Migrate up, one process at a time.

    Each revision is a transaction of its own: one that fails leaves nothing of itself behind.
    Raises `ConfigurationError` for a newer schema, and when a lock is not to be had.
    """
    with _alone(engine) as connection:
        check_not_newer(connection)
        connection.rollback()
        _apply(connection, lambda: command.upgrade(_config(connection), target))


def downgrade(engine: Engine, target: str) -> None:
    """Migrate down to a revision, or to `base`. Raises `ConfigurationError` as `upgrade` does."""
    with _alone(engine) as connection:
        _apply(connection, lambda: command.downgrade(_config(connection), target))


@contextlib.contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """Yield a connection while no other migration runs.

    The lock is tried and not waited for: an index that is made concurrently waits for every
    statement that is older, and so for a migration that waits.
    """
    deadline = time.monotonic() + PATIENCE_S
    with engine.connect() as connection:
        while not _ask(connection, f"SELECT pg_try_advisory_lock({LOCK})"):
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    "Another migration of this database does not come to its end: see what it "
                    "waits for in pg_stat_activity."
                )
            time.sleep(0.2)
        try:
            yield connection
        finally:
            connection.rollback()
            connection.exec_driver_sql("RESET statement_timeout; RESET lock_timeout")
            _ask(connection, f"SELECT pg_advisory_unlock({LOCK})")


def _ask(connection: Connection, statement: str) -> bool:
    answer = bool(connection.exec_driver_sql(statement).scalar_one())
    connection.commit()
    return answer


def _apply(connection: Connection, migrate: Callable[[], None]) -> None:
    for _ in range(ATTEMPTS):
        connection.exec_driver_sql(
            f"SET statement_timeout = 0; SET lock_timeout = {int(LOCK_TIMEOUT_S * 1000)}"
        )
        connection.commit()
        try:
            return migrate()
        except OperationalError as error:
            if not isinstance(error.orig, psycopg2.errors.LockNotAvailable):
                raise
            connection.rollback()
            time.sleep(random.uniform(0.5, 1.5))  # noqa: S311 - no secret
    raise ConfigurationError(
        f"The migration found no moment within {ATTEMPTS} attempts in which it could lock a table: "
        "see pg_stat_activity for a transaction that stays open, end it, and run the command again."
    )
