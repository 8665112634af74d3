"""Bring a database to the schema of this code."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from pearshop.errors import ConfigurationError

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_ID = 0x70656172
"""Advisory lock that lets one migration run at a time."""


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
def known_revisions() -> frozenset[str]:
    """Return the revisions that this code knows."""
    return frozenset(
        script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()
    )


def revision(connection: Connection) -> str | None:
    """Return the revision of a database, `None` when it is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def check_not_newer(connection: Connection) -> None:
    """Raise `ConfigurationError` when the schema comes from newer code than this."""
    found = revision(connection)
    if found is not None and found not in known_revisions():
        raise ConfigurationError(
            f"The database's schema ({found}) is newer than this code ({head()}): "
            "run the newer PearShop, or restore a backup made before its migration."
        )


def upgrade(connection: Connection, target: str = "head") -> None:
    """Migrate up, one process at a time. Raises `ConfigurationError` for a newer schema.

    The caller's transaction holds it all: a migration that fails leaves nothing behind.
    """
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_ID})")
    check_not_newer(connection)
    command.upgrade(_config(connection), target)


def downgrade(connection: Connection, target: str) -> None:
    """Migrate down to a revision, or to `base`."""
    command.downgrade(_config(connection), target)
