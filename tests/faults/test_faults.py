"""Nothing acknowledged is lost and nothing is done twice, whatever dies meanwhile."""

import pytest

from loadtests.reconcile import take_baseline
from tests.faults.audit import audit
from tests.faults.faults import FAULTS, Fault
from tests.faults.plant import Plant
from tests.faults.shoppers import Load
from tests.faults.table import Row

STOCKS: list[int | None] = [None, 1_000, 40, 15]
"""The last two run out: refusals have to be right, too."""
SHORT = (6, 1)
LONG = (12, 3)
"""Shoppers, and how many times as often the fault strikes."""


def harm(plant: Plant, fault: Fault, rows: list[Row], shoppers: int, times: int) -> None:
    """Let shoppers shop while a fault strikes, then audit; the row goes into the table."""
    products = plant.put_on_sale(STOCKS)
    with plant.engine() as engine, engine.connect() as connection:
        before = take_baseline(connection)
    load = Load(plant.url, before, products, shoppers=shoppers)
    with load:
        load.await_acknowledged(5)
        for _ in range(fault.times * times):
            fault.strike(plant, load)
            load.await_acknowledged(5)
    history = load.history
    with plant.engine() as engine, engine.connect() as connection:
        findings = audit(connection, history, load.read_cart)
    row = Row(fault.name, history.counts(), history.improper(), findings)
    rows.append(row)
    assert row.ok, [finding.summary() for finding in findings if not finding.ok] + row.failed()


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_what_is_acknowledged_outlives(plant: Plant, fault: Fault, rows: list[Row]) -> None:
    harm(plant, fault, rows, *SHORT)


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_what_is_acknowledged_outlives_it_many_times(
    plant: Plant, fault: Fault, rows: list[Row]
) -> None:
    harm(plant, fault, rows, *LONG)
