"""Revisions are such that the code of before can work on, from the first that had to be."""

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from pearshop.db.migrate import MIGRATIONS, downgrade, upgrade
from tests.db.migration_rules import Sent, Watch, broken

BEFORE_THE_RULES = "0007"
SCRIPTS = {each.revision: each for each in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
HELD = sorted(revision for revision in SCRIPTS if revision > BEFORE_THE_RULES)


@pytest.mark.parametrize("revision", HELD)
def test_a_revision_keeps_to_the_rules(engine: Engine, revision: str) -> None:
    downgrade(engine, str(SCRIPTS[revision].down_revision))
    with Watch(engine) as watch:
        upgrade(engine, revision)
    assert [each for each in watch.sent if revision in each.text], "nothing was seen"
    contracts = hasattr(SCRIPTS[revision].module, "contracts")
    assert list(broken(watch.sent, contracts=contracts)) == []
    assert watch.rewritten == set()


BAD = {
    "CREATE INDEX ix_a ON orders (a)": "not made CONCURRENTLY",
    "CREATE UNIQUE INDEX ix_a ON orders (a)": "not made CONCURRENTLY",
    "DROP INDEX ix_a": "not dropped CONCURRENTLY",
    "ALTER TABLE orders ADD CONSTRAINT c CHECK (a > 0)": "NOT VALID",
    "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES users (id)": "NOT VALID",
    "ALTER TABLE orders ADD COLUMN a TEXT NOT NULL": "DEFAULT",
    "ALTER TABLE orders ADD COLUMN a INT GENERATED ALWAYS AS (b + 1) STORED": "writes the whole",
    "ALTER TABLE orders ALTER COLUMN a TYPE BIGINT": "writes the whole",
    "ALTER TABLE orders ALTER COLUMN a SET NOT NULL": "validate a CHECK",
    "ALTER TABLE orders DROP COLUMN a": "takes away",
    "ALTER TABLE orders RENAME COLUMN a TO b": "takes away",
    "DROP TABLE orders": "takes away",
    "UPDATE orders SET a = 1": "changes rows",
    "CREATE TABLE new (a INT); DELETE FROM orders": "changes rows",
}


@pytest.mark.parametrize("statement", BAD)
def test_what_would_keep_a_shop_waiting_is_found(statement: str) -> None:
    assert any(BAD[statement] in each for each in broken([Sent(statement, "1500ms")])), statement


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE INDEX CONCURRENTLY ix_a ON orders (a)",
        "CREATE TABLE new (a INT NOT NULL); CREATE INDEX ix_new_a ON new (a)",
        "ALTER TABLE orders ADD COLUMN a TEXT",
        "ALTER TABLE orders ADD COLUMN a TEXT DEFAULT '' NOT NULL",
        "ALTER TABLE orders ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
        "ALTER TABLE orders VALIDATE CONSTRAINT c",
        "UPDATE alembic_version SET version_num='0009'",
    ],
)
def test_what_keeps_nobody_waiting_is_let_be(statement: str) -> None:
    assert list(broken([Sent(statement, "1500ms")])) == []


def test_a_wait_without_an_end_is_found() -> None:
    [problem] = broken([Sent("ALTER TABLE orders ADD COLUMN a TEXT", "0")])
    assert "for ever" in problem


def test_a_table_that_is_written_anew_is_seen(engine: Engine) -> None:
    with Watch(engine) as watch, engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE outbox ALTER COLUMN subject_id TYPE NUMERIC")
    assert watch.rewritten == {"outbox"}
