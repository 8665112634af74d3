"""Fixtures that all tests share: a real PostgreSQL with a fresh database for whoever asks."""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url

from pearshop.db.embedded import EmbeddedPostgres
from pearshop.db.engine import make_engine
from pearshop.db.migrate import upgrade
from pearshop.settings import Settings, sqlalchemy_url

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
"""Real shop data; tests that need it skip where it is absent."""

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def own_folder() -> Iterator[Path]:
    """A folder that servers may run in.

    Not one of pytest's: each start of pytest shuts those of earlier ones to other users, and
    PostgreSQL is another user where the tests run as root.
    """
    with tempfile.TemporaryDirectory(prefix="pearshop-tests-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres(own_folder: Path) -> Iterator[str]:
    """URL of a real PostgreSQL server; its database `template` holds the migrated schema."""
    server = EmbeddedPostgres(own_folder / "postgres")
    url = server.start()
    try:
        _admin(url, "CREATE DATABASE template")
        engine = make_engine(Settings(database_url=_named(url, "template")))
        upgrade(engine)
        engine.dispose()
        yield url
    finally:
        server.stop()


@pytest.fixture
def database_url(postgres: str) -> Iterator[str]:
    """URL of a migrated, empty database of the test's own."""
    name = f"test_{next(_numbers)}"
    _admin(postgres, f"CREATE DATABASE {name} TEMPLATE template")
    yield _named(postgres, name)
    _admin(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def make_database(postgres: str) -> Iterator[Callable[[], Engine]]:
    """Makes engines on migrated, empty databases that the tests of a module share."""
    engines: list[Engine] = []

    def make() -> Engine:
        name = f"test_{next(_numbers)}"
        _admin(postgres, f"CREATE DATABASE {name} TEMPLATE template")
        engines.append(make_engine(Settings(database_url=_named(postgres, name))))
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()
        _admin(postgres, f"DROP DATABASE {engine.url.database} WITH (FORCE)")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on a migrated, empty database of the test's own."""
    engine = make_engine(Settings(database_url=database_url))
    yield engine
    engine.dispose()


def _named(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def _admin(url: str, statement: str) -> None:
    engine = create_engine(sqlalchemy_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
