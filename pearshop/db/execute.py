"""Runs one operation as one transaction and says how it ended.

An operation is a plain function of this package, `operation(connection, *arguments)`. It never
commits; this module does. What callers get back is a value, so that a refusal crosses process
borders as data.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Concatenate, NamedTuple, ParamSpec, Protocol, TypeVar, cast

import psycopg2.errors
import psycopg2.extensions
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from pearshop.errors import Refused, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 3
"""Tries of a transaction that may be repeated: after a deadlock, on a connection found dead."""


class Database(Protocol):
    """Runs operations somewhere: in this process or in a `Database` replica."""

    async def run(
        self,
        operation: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run one operation in one transaction. Raises `Refused` or `Unavailable`."""

    async def read(
        self,
        operation: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a `read_only` operation as `run` does, on a replica that may lag if there is one.

        What it finds has all that was committed `pearshop.db.replicas.window` before the call.
        """


class Outcome(NamedTuple):
    """What came of an operation: a value, or the error to raise."""

    value: Any = None
    error: Refused | Unavailable | None = None

    def result(self) -> Any:
        """Return the value or raise the error."""
        if self.error is not None:
            raise self.error
        return self.value


def single_statement(
    operation: Callable[Concatenate[Connection, P], T],
) -> Callable[Concatenate[Connection, P], T]:
    """Mark an operation of one statement, or that only reads: it needs no BEGIN and COMMIT.

    Such an operation must be safe to repeat, for a connection may break before its answer.
    """
    operation.single_statement = True  # type: ignore[attr-defined]
    return operation


def read_only(
    operation: Callable[Concatenate[Connection, P], T],
) -> Callable[Concatenate[Connection, P], T]:
    """Mark an operation that only reads: a replica may answer it.

    It has no transaction of its own. If it refuses on a replica, the primary is asked: what was
    refused may be there by now.
    """
    operation.read_only = True  # type: ignore[attr-defined]
    return single_statement(operation)


def execute(
    engine: Engine, operation: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Outcome:
    """Run an operation. Faults of the database come back as `Unavailable`, refusals as such."""
    doubt = False
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return Outcome(_transaction(engine, operation, args, kwargs))
        except Refused as error:
            return Outcome(error=error)
        except PoolTimeoutError:
            return Outcome(error=Unavailable("All database connections are busy.", unknown=doubt))
        except _CommitLostError:
            return Outcome(error=Unavailable("The database broke off a commit.", unknown=True))
        except (OperationalError, InterfaceError) as error:
            doubt = doubt or (error.connection_invalidated and is_single_statement(operation))
            if attempt == ATTEMPTS or not _may_repeat(error):
                return Outcome(error=Unavailable(_reason(error), unknown=doubt))
    raise AssertionError("unreachable")


class _CommitLostError(Exception):
    """The connection broke between COMMIT and its answer."""


def is_single_statement(operation: Callable[..., Any]) -> bool:
    """Return whether an operation was marked by `single_statement`, and so is safe to repeat."""
    return getattr(operation, "single_statement", False)


def is_read_only(operation: Callable[..., Any]) -> bool:
    """Return whether an operation was marked by `read_only`."""
    return getattr(operation, "read_only", False)


def _transaction(
    engine: Engine, operation: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    if is_single_statement(operation):
        with engine.connect() as connection, _autocommit(connection):
            return operation(connection, *args, **kwargs)
    with engine.connect() as connection:
        transaction = connection.begin()
        try:
            value = operation(connection, *args, **kwargs)
        except BaseException:
            transaction.rollback()
            raise
        try:
            transaction.commit()
        except DBAPIError as error:
            raise _CommitLostError from error
        return value


@contextlib.contextmanager
def _autocommit(connection: Connection) -> Iterator[None]:
    """Let each statement be its own transaction.

    psycopg2 keeps this to itself; SQLAlchemy's isolation level costs a round trip to take back.
    """
    driver = cast("psycopg2.extensions.connection", connection.connection.dbapi_connection)
    driver.autocommit = True
    try:
        yield
    finally:
        if not driver.closed:
            driver.autocommit = False


def _may_repeat(error: DBAPIError) -> bool:
    rolled_back = isinstance(
        error.orig, psycopg2.errors.DeadlockDetected | psycopg2.errors.SerializationFailure
    )
    return rolled_back or error.connection_invalidated


def _reason(error: DBAPIError) -> str:
    if isinstance(error.orig, psycopg2.errors.QueryCanceled):
        return "The database took too long."
    if isinstance(error.orig, psycopg2.errors.LockNotAvailable):
        return "The database is busy with the same rows."
    return "The database does not answer."
