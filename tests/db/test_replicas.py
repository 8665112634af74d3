"""Reads on real streaming replicas: which are used, and that no read fails or is out of date."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Connection, Engine, event, make_url, text

from pearshop.db import catalogue
from pearshop.db import product as product_rows
from pearshop.db.embedded import EmbeddedPostgres
from pearshop.db.execute import read_only
from pearshop.db.listing import Listing
from pearshop.errors import NotFound
from pearshop.settings import Settings
from pearshop.telemetry.metrics import REPLICA_BEHIND, REPLICA_USED, Metric
from tests.db.conftest import Rows
from tests.standby import LocalDatabase, Standby
from tests.waiting import wait_for

Make = Callable[..., LocalDatabase]


@read_only
def on_standby(connection: Connection) -> bool:
    found: bool = connection.execute(text("SELECT pg_is_in_recovery()")).scalar_one()
    return found


@read_only
def backend(connection: Connection) -> tuple[int, int]:
    found = connection.execute(text("SELECT inet_server_port(), pg_backend_pid()")).one()
    return found[0], found[1]


@read_only
def slow(connection: Connection) -> bool:
    connection.execute(text("SELECT pg_sleep(CASE WHEN pg_is_in_recovery() THEN 30 ELSE 0 END)"))
    return on_standby(connection)


@read_only
def not_there_yet(connection: Connection) -> str:
    if on_standby(connection):
        raise NotFound("not yet")
    return "here"


@pytest.fixture
def standby(postgres: str, own_folder: Path, request: pytest.FixtureRequest) -> Iterator[Standby]:
    with Standby(own_folder / request.node.name, postgres) as server:
        yield server


@pytest.fixture
def make(database_url: str) -> Iterator[Make]:
    made: list[LocalDatabase] = []

    def make(*replica_urls: str, primary_url: str = database_url) -> LocalDatabase:
        urls = ",".join(replica_urls)
        # The longest that may be set: watchers come late on a busy machine.
        settings = Settings(
            database_url=primary_url, database_replica_urls=urls, database_replica_lag=2.0
        )
        database = LocalDatabase(settings)
        made.append(database)
        return database

    yield make
    for database in made:
        database.close()


@pytest.fixture
def database(make: Make, standby: Standby, database_url: str) -> LocalDatabase:
    """The database with one replica, in use."""
    database = make(standby.of(database_url))
    wait_for(lambda: database.used() == [True], "the replica")
    return database


async def until_read_there(database: LocalDatabase) -> None:
    """Wait until the replica answers; the first read on a new connection is the primary's."""
    async with asyncio.timeout(60):
        while not await database.read(on_standby):
            await asyncio.sleep(0.01)


def left_out(database: LocalDatabase) -> None:
    wait_for(lambda: database.used() == [False], "left out")


def taken_back(database: LocalDatabase) -> None:
    wait_for(lambda: database.used() == [True], "taken back")


async def test_reads_go_to_the_replica_and_writes_to_the_primary(
    database: LocalDatabase, rows: Rows
) -> None:
    await until_read_there(database)
    assert [await database.read(on_standby) for _ in range(20)] == [True] * 20
    assert not await database.run(on_standby)
    with pytest.raises(AssertionError):
        await database.read(product_rows.hide, 1)


async def test_without_replicas_nothing_is_begun(make: Make) -> None:
    threads = threading.active_count()
    database = make()
    assert threading.active_count() == threads
    assert database.used() == []
    assert not await database.read(on_standby)


async def test_several_share_the_reads(
    make: Make, standby: Standby, postgres: str, own_folder: Path, database_url: str
) -> None:
    with Standby(own_folder / "second", postgres) as second:
        database = make(standby.of(database_url), second.of(database_url))
        wait_for(lambda: database.used() == [True, True], "both")
        ports = {make_url(each.url).port for each in (standby, second)}
        async with asyncio.timeout(60):
            while {(await database.read(backend))[0] for _ in range(2)} != ports:
                await asyncio.sleep(0.01)
        second.kill()
        assert isinstance(await database.read(on_standby), bool)
        wait_for(lambda: database.used() == [True, False], "one left")
        assert await database.read(on_standby)


async def test_a_replica_that_lags_is_left_out_and_taken_back(
    database: LocalDatabase, standby: Standby, rows: Rows
) -> None:
    await until_read_there(database)
    standby.pause()
    product = rows.product()
    left_out(database)
    assert (await database.read(catalogue.page, Listing())).products == [product]
    standby.resume()
    taken_back(database)
    await until_read_there(database)
    assert (await database.read(catalogue.page, Listing())).products == [product]


async def test_an_idle_shop_makes_no_replica_lag(database: LocalDatabase) -> None:
    looks = database.replicas._primary
    wait_for(lambda: not set(looks) & set(database.replicas._primary), "all looks anew")
    assert database.used() == [True]


async def test_what_a_replica_refuses_is_asked_of_the_primary(database: LocalDatabase) -> None:
    await until_read_there(database)
    assert await database.read(not_there_yet) == "here"
    assert await database.read(on_standby)


async def test_a_replica_that_dies_costs_no_read_and_is_taken_back(
    database: LocalDatabase, standby: Standby
) -> None:
    await until_read_there(database)
    standby.kill()
    assert not await database.read(on_standby)
    left_out(database)
    standby.start()
    taken_back(database)
    await until_read_there(database)


async def test_a_replica_that_hangs_costs_little_time_and_no_thread(
    database: LocalDatabase, standby: Standby
) -> None:
    await until_read_there(database)
    standby.signal(signal.SIGSTOP)
    # Within the call's time-out, or it would raise.
    assert await asyncio.gather(*(database.read(on_standby) for _ in range(4))) == [False] * 4
    left_out(database)
    [replica] = database.replicas._replicas
    wait_for(lambda: not replica._lines._held, "the threads are free while it still hangs")
    standby.signal(signal.SIGCONT)
    taken_back(database)
    await until_read_there(database)


async def test_a_promoted_replica_is_left_out(
    database: LocalDatabase, standby: Standby, caplog: pytest.LogCaptureFixture
) -> None:
    await until_read_there(database)
    standby.do("SELECT pg_promote()")
    left_out(database)
    assert not await database.read(on_standby)
    assert [each.message for each in caplog.records if "no standby" in each.message]
    assert "postgres:" not in caplog.text


async def test_gauges_and_the_log_tell_of_each_replica(
    database: LocalDatabase,
    standby: Standby,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    told: dict[Metric, float] = {}
    reporter = SimpleNamespace(
        is_due=lambda: True,
        gauge=lambda metric, value, *_: told.update({metric: value}),
        histogram=lambda _: None,
    )
    monkeypatch.setattr(database.deployment, "_reporter", reporter)
    await database.deployment.check_health()
    assert told[REPLICA_USED]
    assert told[REPLICA_BEHIND] <= 1.0
    standby.pause()
    with database._engine.begin() as connection:
        connection.execute(text("CREATE TABLE news ()"))
    async with asyncio.timeout(60):
        while told[REPLICA_USED] or told[REPLICA_BEHIND] <= 1.0:
            await asyncio.sleep(0.01)
            await database.deployment.check_health()
    assert "is left out: it is not known to be within 2.0 s of the primary" in caplog.text


async def test_a_url_of_the_primary_is_no_replica(make: Make, database_url: str) -> None:
    database = make(database_url)
    wait_for(lambda: database.replicas._replicas[0].trouble, "looked at")
    assert database.used() == [False]


async def test_another_database_of_the_replica_is_not_read(make: Make, standby: Standby) -> None:
    database = make(standby.url)
    wait_for(lambda: database.replicas._replicas[0].trouble, "looked at")
    assert database.used() == [False]


async def test_a_silent_primary_proves_nothing(make: Make, own_folder: Path) -> None:
    with (
        EmbeddedPostgres(own_folder / "silent") as primary,
        Standby(own_folder / "its-standby", primary.url) as standby,
    ):
        database = make(standby.url, primary_url=primary.url)
        taken_back(database)
        primary.stop()
        left_out(database)
        primary.start()
        taken_back(database)


async def test_a_slow_statement_is_the_primarys_and_no_reason_to_leave_the_replica_out(
    database: LocalDatabase,
) -> None:
    await until_read_there(database)
    assert not await database.read(slow)
    assert await database.read(on_standby)


async def test_a_new_connection_is_trusted_from_the_next_look_on(
    database: LocalDatabase, standby: Standby
) -> None:
    await until_read_there(database)
    [replica] = database.replicas._replicas
    proof = replica.proof()
    assert proof is not None
    replica._engine.dispose()  # as if the server had been started again since
    assert await replica.read(proof, on_standby, (), {}) is None


async def test_a_read_is_one_statement(database: LocalDatabase, engine: Engine) -> None:
    await until_read_there(database)
    [replica] = database.replicas._replicas
    statements: list[str] = []
    event.listen(replica._engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    await database.read(catalogue.page, Listing())
    assert len(statements) == 1
