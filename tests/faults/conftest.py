"""A shop to harm, and the table of what came of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.e2e.conftest import free_port
from tests.faults import table
from tests.faults.plant import Plant
from tests.faults.table import Row

ROWS: pytest.StashKey[list[Row]] = pytest.StashKey()
SETTINGS = {"PEARSHOP_CART_IDLE_SECONDS": "2", "RAY_metrics_report_interval_ms": "1000"}
"""Carts leave memory and come back all the time; metrics are not waited for."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[ROWS] = []


def pytest_terminal_summary(config: pytest.Config) -> None:
    if rows := config.stash[ROWS]:
        console = Console(width=160)
        console.print()
        table.show(rows, console)
        console.print(table.markdown(rows), soft_wrap=True, markup=False, highlight=False)


@pytest.fixture
def rows(request: pytest.FixtureRequest) -> list[Row]:
    """The table; a test adds its rows."""
    return request.config.stash[ROWS]


@pytest.fixture(scope="module")
def plant(own_folder: Path) -> Iterator[Plant]:
    """A shop on a free port, in a state folder of its own."""
    made = Plant(own_folder / "faults", free_port(), SETTINGS)
    try:
        made.up()
        yield made
    finally:
        made.down()
