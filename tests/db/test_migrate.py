"""Migrations go up and down, end at what the code says, and refuse what they do not know."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from pearshop.db.migrate import check_not_newer, downgrade, head, revision, upgrade
from pearshop.db.tables import metadata
from pearshop.errors import ConfigurationError


def test_the_migrated_schema_is_the_one_in_the_code(engine: Engine) -> None:
    with engine.connect() as connection:
        assert revision(connection) == head()
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_down_and_up_again(engine: Engine) -> None:
    with engine.begin() as connection:
        downgrade(connection, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
        upgrade(connection)
        assert set(metadata.tables) <= set(inspect(connection).get_table_names())


def test_a_second_upgrade_changes_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        upgrade(connection)
        assert revision(connection) == head()


def test_a_schema_from_newer_code_is_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(ConfigurationError, match="newer than this code"):
            check_not_newer(connection)
