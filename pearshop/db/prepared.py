"""Statements that the server plans once for each connection."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, CursorResult, text

PARAMETER = re.compile(r"(?<!:):([a-z_]+)")


class Prepared:
    """A statement whose planning would cost as much as running it.

    `parameters` gives the SQL type of each `:name` in the statement. `before` is a statement of its
    own that goes first, in the same round trip; it may have parameters too.

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
        self._execute = text(f"{before} EXECUTE {name} ({values})")

    def execute(
        self, connection: Connection, parameters: Mapping[str, Any]
    ) -> CursorResult[*tuple[Any, ...]]:
        """Run it. Raises as SQLAlchemy does."""
        known = connection.info.setdefault("prepared", set())
        if self._name not in known:
            connection.exec_driver_sql(self._prepare)
            known.add(self._name)
        return connection.execute(self._execute, parameters)
