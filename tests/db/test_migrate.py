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
    downgrade(engine, "base")
    assert inspect(engine).get_table_names() == ["alembic_version"]
    upgrade(engine)
    assert set(metadata.tables) <= set(inspect(engine).get_table_names())


def test_a_second_upgrade_changes_nothing(engine: Engine) -> None:
    upgrade(engine)
    with engine.connect() as connection:
        assert revision(connection) == head()


def test_a_schema_from_newer_code_is_refused(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(ConfigurationError, match="newer than this code"):
            check_not_newer(connection)


def test_a_lock_that_is_not_to_be_had_keeps_nobody_waiting_for_long(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    downgrade(engine, "0004")
    monkeypatch.setattr("pearshop.db.migrate.ATTEMPTS", 2)
    monkeypatch.setattr("pearshop.db.migrate.LOCK_TIMEOUT_S", 0.05)
    with engine.begin() as busy:
        busy.exec_driver_sql("LOCK TABLE outbox IN ROW EXCLUSIVE MODE")  # as an order holds it
        with pytest.raises(ConfigurationError, match="pg_stat_activity"):
            upgrade(engine)
        with engine.connect() as other:
            assert revision(other) == "0004"
            other.exec_driver_sql("LOCK TABLE outbox IN ROW EXCLUSIVE MODE")
    upgrade(engine)
    with engine.connect() as connection:
        assert revision(connection) == head()
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar_one() != "0"
