"""SQL statements and commits, read from PostgreSQL's log. Pure but for `logged`."""

import re
import time
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

PREFIX = "bench %p %d "
"""`log_line_prefix`: process and database."""
STATEMENT = re.compile(
    r"^bench (\d+) (\S*) LOG:  (?:statement|execute [^:]+): (.*(?:\n\t.*)*)"
    r"(?:\nbench \1 \2 DETAIL:  prepare: (.*(?:\n\t.*)*))?",
    re.MULTILINE,
)
"""Process, database, statement, and what an EXECUTE runs."""
WRITES = re.compile(r"\b(?:INSERT|UPDATE|DELETE|MERGE|COPY|CREATE|ALTER)\b", re.IGNORECASE)
VALUES = re.compile(r"'(?:[^']|'')*'|-?\b\d+(?:\.\d+)?\b|\$\d+")
LIST = re.compile(r"\?(?:::\w+(?:\[\])?)?(?:\s*,\s*\?(?:::\w+(?:\[\])?)?)+")
BEGIN = re.compile(r"^\s*(?:BEGIN|START TRANSACTION)\b", re.IGNORECASE)
END = re.compile(r"^\s*(COMMIT|END|ROLLBACK|ABORT)\b(?!\s+TO\b)", re.IGNORECASE)
START_S = 10.0


@dataclass(frozen=True, slots=True)
class Transaction:
    """The statements of a transaction, without their values; BEGIN and COMMIT are not among them.

    What is sent outside of one is one of its own. `committed` is false after ROLLBACK, and for
    what was not over at the end of the log.
    """

    statements: tuple[str, ...]
    committed: bool
    writes: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """What a database did: statements (messages that carry any), and commits of what was written.

    A transaction that only reads has nothing to make durable, so it is no commit here.
    """

    statements: int
    commits: int


def transactions_in(log: str, database: str) -> list[Transaction]:
    """Return what a log says that was done in a database."""
    found: list[Transaction] = []
    under_way: dict[str, list[tuple[str, bool]]] = {}
    for process, where, statement, prepared in STATEMENT.findall(log):
        if where != database:
            continue
        done = without_values(statement), bool(WRITES.search(f"{statement} {prepared}"))
        if BEGIN.match(statement):
            along = statement.partition(";")[2].strip()  # sent with it
            under_way[process] = [(without_values(along), done[1])] if along else []
        elif end := END.match(statement):
            committed = end[1].upper() in {"COMMIT", "END"}
            found.append(_transaction(under_way.pop(process, []), committed=committed))
        elif process in under_way:
            under_way[process].append(done)
        else:
            found.append(_transaction([done], committed=True))
    return found + [_transaction(each, committed=False) for each in under_way.values()]


def _transaction(done: list[tuple[str, bool]], *, committed: bool) -> Transaction:
    statements = tuple(statement for statement, _ in done)
    return Transaction(statements, committed, any(writes for _, writes in done))


def without_values(statement: str) -> str:
    """Return a statement such that it is the same whatever its values are."""
    return LIST.sub("?", VALUES.sub("?", " ".join(statement.split())))


def tally(transactions: list[Transaction], background: Set[str] = frozenset()) -> Tally:
    """Return what was done, but for transactions that are all of `background` statements."""
    asked = [
        each for each in transactions if not each.statements or set(each.statements) - background
    ]
    return Tally(
        sum(len(each.statements) for each in asked),
        sum(each.committed and each.writes for each in asked),
    )


def kinds(transactions: list[Transaction]) -> frozenset[str]:
    """Return the statements that occur."""
    return frozenset(statement for each in transactions for statement in each.statements)


class Log:
    """The log of a server that writes every statement down. Read it piece by piece."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = file.stat().st_size

    def since(self) -> str:
        """Return what was written since the last time that this was asked."""
        with self._file.open("rb") as file:
            file.seek(self._read)
            written = file.read()
        self._read += len(written)
        return written.decode(errors="replace")


@contextmanager
def logged(server_url: str, file: Path) -> Iterator[Log]:
    """Have a server log every statement for the time of the block.

    `server_url` is that of a superuser. Raises `TimeoutError` when the server does not begin to.
    """
    with psycopg.connect(server_url, dbname="postgres", autocommit=True) as connection:
        log = Log(file)
        try:
            connection.execute("ALTER SYSTEM SET log_statement = 'all'")
            connection.execute(f"ALTER SYSTEM SET log_line_prefix = '{PREFIX}'")
            connection.execute("SELECT pg_reload_conf()")
            deadline = time.monotonic() + START_S
            while not transactions_in(log.since(), "postgres"):
                if time.monotonic() > deadline:
                    raise TimeoutError("PostgreSQL does not log statements")
                time.sleep(0.1)
                connection.execute("SELECT 'logged?'")
            yield log
        finally:
            connection.execute("ALTER SYSTEM RESET log_statement")
            connection.execute("ALTER SYSTEM RESET log_line_prefix")
            connection.execute("SELECT pg_reload_conf()")
