"""Medians, ratios, targets and stated counts of the benchmark."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from loadtests.bench.counts import STATED, too_many
from loadtests.bench.load import parse
from loadtests.bench.numbers import Spread, cpu_by_role, ratio, spread, spread_of
from loadtests.bench.output import read, read_scenarios, rounded, write
from loadtests.bench.report import cpu_sheet, latency_sheet, markdown, memory_sheet, rates_sheet
from loadtests.bench.result import DJANGO, FLOOR, SHOP, Count, Idle, Result, Sample
from loadtests.bench.routes import ROUTES
from loadtests.bench.targets import outcomes
from pearshop.errors import ConfigurationError

MACHINE = {"CPU": "a fast one", "cores": "2"}
PLAN = {"rounds": 3, "seconds": 5, "products": 2_000, "shoppers": 1_000}


def sample(route: str, subject: str, number: int, rate: float, **other: Any) -> Sample:
    made = Sample(route, subject, 32, number, rate, int(rate), 0, 5.0, 9.0, 300.0, 0.0, {})
    return replace(made, **other)


def result(*samples: Sample, **other: Any) -> Result:
    return replace(Result(MACHINE, PLAN, samples), **other)


ADDS = result(
    *(sample("add", FLOOR, n, rate) for n, rate in enumerate((1_000, 4_000, 2_000))),
    *(sample("add", SHOP, n, rate) for n, rate in enumerate((800, 1_600, 1_800))),
    *(sample("add", DJANGO, n, rate) for n, rate in enumerate((100, 100, 300))),
    sample("add", SHOP, 0, 200, connections=1, p50=7.0),
)


def test_a_spread() -> None:
    assert spread([3, 1, 2]) == Spread(2, 1, 3)
    assert spread([]) is None
    assert spread_of(ADDS, "add", SHOP, 32) == Spread(1_600, 800, 1_800)
    assert spread_of(ADDS, "add", SHOP, 1, lambda each: each.p50) == Spread(7, 7, 7)


def test_ratios_are_taken_round_by_round() -> None:
    assert ratio(ADDS, "add", 32, SHOP, FLOOR) == Spread(0.8, 0.4, 0.9)
    assert ratio(ADDS, "add", 32, SHOP, DJANGO) == Spread(8, 6, 16)
    assert ratio(ADDS, "add", 1, SHOP, FLOOR) is None
    nothing_done = result(sample("add", SHOP, 0, 1), sample("add", FLOOR, 0, 0))
    assert ratio(nothing_done, "add", 32, SHOP, FLOOR) is None


def test_processor_time_by_role() -> None:
    found = result(
        sample("add", SHOP, 0, 1, cpu={"wrk": 0.1, "Redis": 0.5}),
        sample("add", SHOP, 1, 1, cpu={"wrk": 0.3}),
    )
    assert cpu_by_role(found, "add", SHOP, 32) == {"Redis": 0.25, "wrk": 0.2}


def test_targets() -> None:
    rows = {(each.name, each.target): each for each in outcomes(ADDS)}
    floor = rows["add, 32 connections", "50% of the floor"]
    assert (floor.met, floor.reached) == (True, "80% (40% to 90%)")
    assert rows["add, 32 connections", "8 x Django"].met is True
    alone = rows["add, 1 connection", "p50 below 8 ms"]
    assert (alone.met, alone.reached) == (True, "7.0 ms")
    assert rows["order, 32 connections", "25% of the floor"].met is None
    slower = [replace(e, rate=e.rate / 2) if e.subject == SHOP else e for e in ADDS.samples]
    met = {(each.name, each.target): each.met for each in outcomes(result(*slower))}
    assert met["add, 32 connections", "50% of the floor"] is False
    assert met["add, 32 connections", "8 x Django"] is False
    assert met["add, 128 connections", "8 x Django"] is None


def test_scenarios_bring_targets_of_their_own() -> None:
    flash = {"name": "flash sale", "target": "500 sold", "reached": "500", "met": True}
    last = outcomes(ADDS, {"flash_sale": flash | {"figures": {"sold": 500}}})[-1]
    assert (last.name, last.met, last.figures) == ("flash sale", True, {"sold": 500})
    assert outcomes(ADDS, {"flash_sale": flash})[-1].figures == {}
    assert [e.name for e in outcomes(ADDS, {"x": [flash, flash]})[-2:]] == ["flash sale"] * 2


def test_what_wrk_printed() -> None:
    timing = parse("Running 5s\nRESULT 900 3000000 8 1 12.300 45.600 90000\n", cpu=0.5)
    assert (timing.answers, timing.good, timing.refused, timing.broken) == (900, 892, 8, 1)
    assert timing.rate == pytest.approx(892 / 3)
    assert (timing.p50, timing.p99, timing.received, timing.cpu) == (12.3, 45.6, 90_000, 0.5)


def test_counts_above_what_is_stated() -> None:
    stated = STATED["add"]
    fair = Count("add", SHOP, 1, 60, stated.statements + 0.05, stated.commits, stated.calls)
    dear = replace(fair, statements=stated.statements + 1)
    assert too_many([fair, replace(dear, connections=32), replace(dear, subject=DJANGO)]) == []
    assert len(too_many([fair, dear])) == 1
    assert "add: 2.00 statements" in too_many([dear])[0]
    assert too_many([replace(fair, calls=None)]) == []
    assert STATED.keys() == ROUTES.keys()


def test_the_tables() -> None:
    found = replace(
        ADDS,
        counts=[Count("add", SHOP, 1, 60, 1, 1)],
        memory={SHOP: {"cart hosts": 100.4, "Redis": 4.0}},
        idle={SHOP: Idle(0.05, 9)},
        problems=["a thing"],
    )
    assert rates_sheet(found, 32).rows == [
        (
            "add to cart",
            "2,000 (1,000 to 4,000)",
            "1,600 (800 to 1,800)",
            "100 (100 to 300)",
            "80%",
            "8.0",
        )
    ]
    assert latency_sheet(found).rows[0] == ("add to cart", "1", "-", "7.0, 9.0", "-")
    assert cpu_sheet(found, "add").rows[0] == (FLOOR, "all", "0.00", "0.00")
    assert memory_sheet(found).rows == [
        (SHOP, "cart hosts", "100"),
        (SHOP, "Redis", "4"),
        (SHOP, "all", "104"),
        (SHOP, "idle: share of one core", "5.0%"),
        (SHOP, "idle: statements/s", "9.0"),
    ]
    text = markdown(found)
    assert "a fast one" in text
    assert "| add, 32 connections | 50% of the floor | 80% (40% to 90%) | met |" in text
    assert "- a thing" in text


def test_the_files_of_a_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="measure first"):
        read(tmp_path)
    found = replace(ADDS, counts=[Count("add", SHOP, 1, 60, 1, 1)], idle={SHOP: Idle(0.05, 9)})
    write(found, tmp_path)
    assert read(tmp_path).as_json() == rounded(found.as_json())
    assert {each.name for each in tmp_path.iterdir()} == {
        "bench.json",
        "tables.md",
        "rates.svg",
        "cpu.svg",
    }
    before = (tmp_path / "rates.svg").read_bytes()
    write(found, tmp_path)
    assert (tmp_path / "rates.svg").read_bytes() == before
    assert read_scenarios(tmp_path) is None
    (tmp_path / "scenarios.json").write_text(json.dumps({"x": {}}))
    assert read_scenarios(tmp_path) == {"x": {}}
    (tmp_path / "scenarios.json").write_text("{")
    with pytest.raises(ConfigurationError, match="damaged"):
        read_scenarios(tmp_path)
    (tmp_path / "bench.json").write_text("{}")
    with pytest.raises(ConfigurationError, match="another form"):
        read(tmp_path)
