"""A report costs the same whatever was sold: what it reads is bounded, and found by indexes."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from loadtests.accounts import make_shoppers
from loadtests.many_products import fill
from loadtests.scenarios.past_orders import fill as fill_orders
from pearshop.db import report, rollup
from pearshop.db.execute import execute
from pearshop.domain.report import Calendar
from tests.db.test_plans import _nodes, _plans, _read, _statements

ORDERS, PRODUCTS, SPAN = 40_000, 2_000, timedelta(days=90)
LARGE = {"orders", "order_lines", "order_events", "products", "product_sales"}
READ = 600
"""Rows of these: orders of some minutes and of three quarters of an hour, lines, best sellers."""


@pytest.fixture(scope="module")
def sold(make_database: Callable[[], Engine]) -> Engine:
    """A shop whose past orders are summed up already."""
    engine = make_database()
    fill(engine, PRODUCTS)
    shoppers = make_shoppers(engine, 100)
    fill_orders(engine, ORDERS, shoppers, list(range(1, PRODUCTS + 1)), SPAN / ORDERS)
    while execute(engine, rollup.fold, (datetime.now(UTC),), {}).result() < 1:
        pass
    while not execute(engine, rollup.fold_products, (), {}).result():
        pass
    return engine


@pytest.fixture
def cuts() -> tuple[datetime, ...]:
    return Calendar(datetime.now(UTC), ZoneInfo("Europe/London"), 30).cuts


def test_a_report_is_four_statements_and_one_to_see_that_nothing_lacks(
    sold: Engine, cuts: tuple[datetime, ...]
) -> None:
    assert len(_statements(sold, rollup.fold, datetime.now(UTC))) == 1
    assert len(_statements(sold, report.read, cuts)) == 4
    assert len(_statements(sold, report.scarce, 5)) == 1


def test_a_report_reads_little_by_indexes(sold: Engine, cuts: tuple[datetime, ...]) -> None:
    for plan in _plans(sold, report.read, cuts):
        assert sum(map(_read, _looked_at(plan))) < READ, json.dumps(plan, indent=1)


def test_products_that_are_sold_out_are_found_by_an_index(sold: Engine) -> None:
    [plan] = _plans(sold, report.scarce, 5)
    assert "ix_products_sold_out" in json.dumps(plan)
    assert sum(map(_read, _nodes(plan))) <= report.FEWEST


def test_a_step_reads_what_it_adds(sold: Engine) -> None:
    with sold.begin() as connection:
        connection.exec_driver_sql("UPDATE report SET until = until - interval '1 hour'")
    for plan in _plans(sold, rollup.fold, datetime.now(UTC)):
        assert sum(map(_read, _looked_at(plan))) < READ, json.dumps(plan, indent=1)


def _looked_at(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What a plan does with the tables that grow."""
    for node in _nodes(plan):
        if node.get("Relation Name") in LARGE:
            assert node["Node Type"] != "Seq Scan", json.dumps(plan, indent=1)
            yield node
