"""How a transaction ends: value, refusal, or a fault that says whether it may have happened."""

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from pearshop.db.execute import execute, single_statement
from pearshop.errors import NotFound, Unavailable
from tests.db.conftest import Rows


def _fail(connection: Connection) -> None:
    connection.execute(text("CREATE TABLE half_done ()"))
    raise NotFound("no")


def _cut_once(connection: Connection, tries: list[int]) -> int:
    tries.append(1)
    if len(tries) == 1:
        connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    seven: int = connection.execute(text("SELECT 7")).scalar_one()
    return seven


def _cut_always(connection: Connection) -> None:
    connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


@single_statement
def _cut_single(connection: Connection) -> None:
    _cut_always(connection)


def _slow(connection: Connection) -> None:
    connection.execute(text("SET LOCAL statement_timeout = 50"))
    connection.execute(text("SELECT pg_sleep(30)"))


def test_a_refusal_rolls_back_and_comes_as_a_value(engine: Engine) -> None:
    outcome = execute(engine, _fail, (), {})
    assert isinstance(outcome.error, NotFound)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT to_regclass('half_done')")).scalar() is None


def test_a_connection_found_dead_is_replaced(engine: Engine) -> None:
    tries: list[int] = []
    assert execute(engine, _cut_once, (tries,), {}).result() == 7
    assert len(tries) == 2


def test_tries_are_bounded_and_nothing_is_in_doubt_before_a_commit(engine: Engine) -> None:
    error = execute(engine, _cut_always, (), {}).error
    assert isinstance(error, Unavailable)
    assert not error.unknown


def test_a_single_statement_that_is_cut_is_in_doubt(engine: Engine) -> None:
    error = execute(engine, _cut_single, (), {}).error
    assert isinstance(error, Unavailable)
    assert error.unknown


def test_a_slow_statement_is_cut_off(engine: Engine) -> None:
    error = execute(engine, _slow, (), {}).error
    assert isinstance(error, Unavailable)
    assert "too long" in error.detail


def test_a_database_that_is_not_there(rows: Rows) -> None:
    nowhere = create_engine("postgresql+psycopg2://x:x@127.0.0.1:1/x")
    error = execute(nowhere, _fail, (), {}).error
    assert isinstance(error, Unavailable)
    assert not error.unknown


@single_statement
def _cut_then_gone(connection: Connection, tries: list[int]) -> None:
    tries.append(1)
    if len(tries) > 1:
        raise OperationalError("gone", {}, Exception("connection refused"))
    _cut_always(connection)


def test_a_doubt_is_not_forgotten_by_a_later_try(engine: Engine) -> None:
    error = execute(engine, _cut_then_gone, ([],), {}).error
    assert isinstance(error, Unavailable)
    assert error.unknown
