"""Statements that the server plans once for each connection, and by indexes alone."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, CursorResult, text

PARAMETER = re.compile(r"(?<!:):([a-z_]+)")
BY_INDEX = "set_config('enable_seqscan', 'off', true)"
"""A plan that is made while a table fills one page would read all of it, and still do so when it
has a million rows, until the server has looked at the table again."""


class Prepared:
    """A statement whose planning would cost as much as running it.

    It must look up rows by an index; what would be a join is better written as a subquery for each
    row (ADR 0017). `parameters` gives the SQL type of each `:name` in the statement. `before` is an
    expression that is evaluated first, in the same round trip; it may have parameters too.

    The driver has no prepared statements, so they are SQL's: `PREPARE`, once for a connection, and
    `EXECUTE`.
    """

    def __init__(
        self, name: str, parameters: Mapping[str, str], statement: str, before: str = ""
    ) -> None:
        self._name = name
        numbers = {each: number for number, each in enumerate(parameters, 1)}
        numbered = PARAMETER.sub(lambda found: f"${numbers[found[1]]}", statement)
        types = ", ".join(parameters.values())
        self._prepare = f"PREPARE {name} ({types}) AS {numbered}"
        values = ", ".join(f":{each}" for each in parameters)
        first = f"{before}, {BY_INDEX}" if before else BY_INDEX
        self._execute = text(f"SELECT {first}; EXECUTE {name} ({values})")

    def execute(
        self, connection: Connection, parameters: Mapping[str, Any]
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run it. Raises as SQLAlchemy does."""
        known = connection.info.setdefault("prepared", set())
        if self._name not in known:
            connection.exec_driver_sql(self._prepare)
            known.add(self._name)
        return connection.execute(self._execute, parameters)
