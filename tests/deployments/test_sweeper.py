"""The sweeper on a real database, called as the shop calls it; only waits are made short."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from pearshop.db.retention import BATCH
from pearshop.deployments.sweeper import Sweeper
from pearshop.settings import Settings
from tests.db.conftest import Rows, rows
from tests.standby import LocalDatabase
from tests.waiting import until

__all__ = ["rows"]

WEEK = timedelta(days=7)


@pytest.fixture
def database(database_url: str) -> Iterator[LocalDatabase]:
    local = LocalDatabase(Settings(database_url=database_url))
    yield local
    local.close()


def plant(rows: Rows, count: int) -> None:
    """Store keys that have had their time."""
    with rows.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO cart_commands (user_id, key, fingerprint, created_at) SELECT 1, "
                "int8send(n), '', now() - interval '8 days' FROM generate_series(1, :count) n"
            ),
            {"count": count},
        )


async def test_a_sweep_goes_on_until_nothing_is_left(rows: Rows, database: LocalDatabase) -> None:
    plant(rows, 2 * BATCH + 1)
    sweeper = Sweeper(database, keys=WEEK, events=WEEK, chance=lambda: 0.0)
    await sweeper.sweep()
    assert sweeper.counts["keys"] == 2 * BATCH + 1


async def test_it_works_until_it_is_stopped_whatever_happens(
    rows: Rows, database: LocalDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pearshop.deployments.sweeper.PERIOD_S", 0.02)
    with rows.engine.begin() as connection:
        connection.execute(text("ALTER TABLE sessions RENAME TO elsewhere"))
    sweeper = Sweeper(database, keys=WEEK, events=WEEK, chance=lambda: 0.0)
    work = asyncio.create_task(sweeper.run())
    plant(rows, 1)
    assert not sweeper.counts
    with rows.engine.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO sessions"))

    async def swept() -> bool:
        return sweeper.counts["keys"] == 1

    await until(swept)
    sweeper.stop()
    await work


async def test_a_stop_does_not_wait_for_the_next_sweep(database: LocalDatabase) -> None:
    sweeper = Sweeper(database, keys=WEEK, events=WEEK, chance=lambda: 1.0)
    work = asyncio.create_task(sweeper.run())
    await asyncio.sleep(0)
    sweeper.stop()
    await asyncio.wait_for(work, 5)
