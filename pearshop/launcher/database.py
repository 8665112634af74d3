"""The database of a state folder's shop, whether the shop is up or not."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from pearshop.db.embedded import EmbeddedPostgres
from pearshop.errors import ConfigurationError
from pearshop.launcher.state import StateFolder
from pearshop.settings import Settings, sqlalchemy_url


@contextlib.contextmanager
def database(state_dir: Path) -> Iterator[str]:
    """Yield the SQLAlchemy URL of the shop's database.

    A shop that is up lends its own. Otherwise the folder is held, and its embedded server runs, for
    the time of the block; with PEARSHOP_DATABASE_URL set, that database it is. Raises
    `ConfigurationError` when the folder is held by a shop that is only starting or stopping.
    """
    folder = StateFolder(state_dir)
    if folder.holder() is not None and (run := folder.read_run()) is not None:
        yield sqlalchemy_url(run.database_url)
        return
    with folder.lock():
        configured = Settings().database_url
        if configured:
            yield configured
            return
        with EmbeddedPostgres(folder.path / "postgres") as server:
            yield sqlalchemy_url(server.url)


def migrated(url: str) -> str:
    """Migrate the database, and return the revision that it is at.

    Raises `ConfigurationError` when it does not answer or is newer than this code.
    """
    from sqlalchemy.exc import OperationalError

    from pearshop.db import migrate
    from pearshop.db.engine import make_engine

    engine = make_engine(Settings(database_url=url), pool_size=1)
    try:
        migrate.upgrade(engine)
        with engine.connect() as connection:
            return migrate.revision(connection) or ""
    except OperationalError as error:
        raise ConfigurationError(
            f"The database does not answer: {' '.join(str(error.orig).split())}"
        ) from None
    finally:
        engine.dispose()
