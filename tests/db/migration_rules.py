"""What a revision may not do while code of before is at work on the same database."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Engine, event, text


class Sent(NamedTuple):
    """A statement of a migration, and how long it might have waited for a lock ("0": for ever)."""

    text: str
    lock_timeout: str


NEW_TABLE = re.compile(r"CREATE TABLE (\w+)", re.I)
INDEX = re.compile(r"CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)\w+ ON (\w+)", re.I)
ALTER = re.compile(r"ALTER TABLE (?:ONLY )?(\w+)(.*?)(?:;|$)", re.I | re.S)
PLAIN_DROP = re.compile(r"DROP INDEX (?!CONCURRENTLY)", re.I)
TAKES_AWAY = re.compile(r"\bDROP (?:TABLE|COLUMN|FUNCTION|TRIGGER)|\bRENAME (?:TO|COLUMN)", re.I)
ROWS = re.compile(r"(?:^|;|\bAS \()\s*(?:UPDATE \w+ SET|DELETE FROM \w+)", re.I)
OWN_BOOKS = re.compile(r"\balembic_version\b")
ALTERATIONS = {
    r"\bADD CONSTRAINT\b(?!.*\bNOT VALID\b)(?!.*\bUSING INDEX\b)": (
        "checks all rows under a lock: add it NOT VALID, and VALIDATE it in the next revision"
    ),
    r"\bADD COLUMN\b(?!.*\bDEFAULT\b).*\bNOT NULL\b": "old code does not know the column: DEFAULT",
    r"\bGENERATED ALWAYS AS\b.*\bSTORED\b": "writes the whole table anew",
    r"\bALTER COLUMN \w+ (?:SET DATA )?TYPE\b": "writes the whole table anew",
    r"\bSET NOT NULL\b": "reads the whole table under a lock: validate a CHECK first",
}


def broken(statements: Iterable[Sent], *, contracts: bool = False) -> Iterator[str]:
    """Yield what is wrong with a revision. `contracts`: it takes away what no code asks for."""
    sent = [each for each in statements if not OWN_BOOKS.search(each.text)]
    new = {name for each in sent for name in NEW_TABLE.findall(each.text)}
    for each in sent:
        words = " ".join(each.text.split())
        is_ddl = re.match(r"(?:CREATE|ALTER|DROP)\b", words, re.I)
        if is_ddl and each.lock_timeout == "0" and " CONCURRENTLY " not in words:
            yield f"may wait for a lock for ever: {words[:60]}"
        for table in INDEX.findall(words):
            if table not in new:
                yield f"an index on {table} is not made CONCURRENTLY"
        if PLAIN_DROP.search(words):
            yield f"an index is not dropped CONCURRENTLY: {words[:60]}"
        for table, change in ALTER.findall(words):
            for pattern, problem in ALTERATIONS.items():
                if table not in new and re.search(pattern, change, re.I):
                    yield f"{table}: {problem}"
        if TAKES_AWAY.search(words) and not contracts:
            yield f"takes away what old code may ask for: {words[:60]}"
        if ROWS.search(words):
            yield f"changes rows without an end to its size: {words[:60]}"


class Watch:
    """Notes what is sent over an engine while it is entered, and which tables are rewritten."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.sent: list[Sent] = []
        self.rewritten: set[str] = set()

    def __enter__(self) -> "Watch":
        self._files = self._tables()
        event.listen(self._engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._note)
        now = self._tables()
        self.rewritten = {name for name, file in self._files.items() if now.get(name, file) != file}

    def _note(self, connection: Any, cursor: object, statement: str, *_: object) -> None:
        with connection.connection.cursor() as other:
            other.execute("SHOW lock_timeout")
            self.sent.append(Sent(statement.strip(), other.fetchone()[0]))

    def _tables(self) -> dict[str, int]:
        query = "SELECT relname, relfilenode FROM pg_class WHERE relkind = 'r'"
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(text(query))}
