"""Statements that the server plans once for each connection, and by indexes alone."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, CursorResult, text

PARAMETER = re.compile(r"(?<!:):([a-z_]+)")
PLANNED = (
    "set_config('enable_seqscan', 'off', true), "
    "set_config('plan_cache_mode', 'force_generic_plan', true)"
)
"""For the transaction: plans look rows up by indexes, and one fits all calls.

One that is made while a table fills a page would read all of it, and still do so when it has a
million rows, until the server has analysed the table again; and some batches would be planned anew.
"""


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
        first = f"{before}, {PLANNED}" if before else PLANNED
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
