"""Imports, exports and the demo catalogue on a real database."""

import csv
import gzip
import io
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from pearshop.catalogue.demo import GOODS, load_demo
from pearshop.catalogue.exporting import Format, export_products
from pearshop.catalogue.importing import import_products, shop_exponent
from pearshop.catalogue.report import Report
from pearshop.errors import ConfigurationError
from tests.conftest import SHARED_DATA

REAL = SHARED_DATA / "products.csv.gz"
CHARGES = {"AMAZONFEE", "B", "BANK CHARGES", "C2", "CRUK", "D", "DOT", "M", "PADS", "POST", "S"}
needs_data = pytest.mark.skipif(
    not REAL.exists(), reason=f"the shop data is absent: put it at {REAL}"
)


def stored(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM products ORDER BY id")).mappings()
        return [dict(row) for row in rows]


def bring(engine: Engine, tmp_path: Path, content: str, exponent: int = 2) -> Report:
    path = tmp_path / "products"
    path.write_bytes(content.encode())
    return import_products(engine, path, exponent=exponent)


def outcomes(report: Report) -> list[tuple[int, str]]:
    return [(row.line, row.outcome) for row in report.rows]


def test_rows_are_taken_updated_left_alone_and_refused(engine: Engine, tmp_path: Path) -> None:
    bring(engine, tmp_path, "sku,name,price\na1,Ant,1\nb1,Bee,2\n")
    before = stored(engine)
    report = bring(engine, tmp_path, "sku,name,price\nc1,Cat,3\nA1,Ant,1.50\nd1,,4\nb1,Bee,2.00\n")
    assert outcomes(report) == [(2, "taken"), (3, "updated"), (4, "refused"), (5, "unchanged")]
    after = {row["name"]: row for row in stored(engine)}
    assert (after["Ant"]["id"], after["Ant"]["sku"], after["Ant"]["price"]) == (1, "A1", 150)
    assert after["Ant"]["updated_at"] > before[0]["updated_at"]
    assert after["Bee"] == before[1]


def test_columns_that_are_absent_stay(engine: Engine, tmp_path: Path) -> None:
    full = "sku,name,price,image,description,category,stock\n"
    bring(engine, tmp_path, full + "a1,Ant,1,https://a/b,text,Toys,7\n")
    bring(engine, tmp_path, '{"sku": "a1", "name": "Ants", "price": 2, "category": ""}\n')
    (row,) = stored(engine)
    assert (row["name"], row["price"], row["category"]) == ("Ants", 200, "")
    assert (row["image"], row["description"], row["stock"]) == ("https://a/b", "text", 7)
    bring(engine, tmp_path, full + "a1,Ant,1,,,,\n")
    assert stored(engine)[0]["stock"] is None


def test_without_a_sku_the_name_tells(engine: Engine, tmp_path: Path) -> None:
    bring(engine, tmp_path, "sku,name,price\n,Ant,1\nx,Ant,2\n")
    again = bring(engine, tmp_path, "name,price\nAnt,1\n")
    assert outcomes(again) == [(2, "unchanged")]
    assert outcomes(bring(engine, tmp_path, "name,price\nAnt,5\nant,6\n")) == [
        (2, "updated"),
        (3, "taken"),
    ]
    assert [(row["sku"], row["price"]) for row in stored(engine)] == [
        ("x", 200),
        (None, 500),
        (None, 600),
    ]


def test_of_two_with_one_name_the_one_on_sale_is_meant(engine: Engine, tmp_path: Path) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO products (name, price, hidden) VALUES ('Ant', 1, true)")
        )
        connection.execute(text("INSERT INTO products (name, price) VALUES ('Ant', 2)"))
    bring(engine, tmp_path, "name,price\nAnt,9\n")
    assert [row["price"] for row in stored(engine)] == [1, 900]


def test_a_hidden_product_is_updated_and_stays_hidden(engine: Engine, tmp_path: Path) -> None:
    bring(engine, tmp_path, "sku,name,price\na1,Ant,1\n")
    with engine.begin() as connection:
        connection.execute(text("UPDATE products SET hidden = true"))
    bring(engine, tmp_path, "sku,name,price\na1,Ant,2\n")
    assert [(row["price"], row["hidden"]) for row in stored(engine)] == [(200, True)]


def test_an_order_in_between_keeps_the_stock_that_it_took(engine: Engine, tmp_path: Path) -> None:
    bring(engine, tmp_path, "sku,name,price,stock\na1,Ant,1,7\n")
    with ThreadPoolExecutor() as pool:
        with engine.begin() as order:
            order.execute(text("UPDATE products SET stock = stock - 5"))
            importing = pool.submit(bring, engine, tmp_path, "sku,name,price\na1,Ants,1\n")
            while not waits_for_lock(engine):
                assert not importing.done()
        assert outcomes(importing.result()) == [(2, "updated")]
    (row,) = stored(engine)
    assert (row["name"], row["stock"]) == ("Ants", 2)


def waits_for_lock(engine: Engine) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with engine.connect() as connection:
        return bool(connection.execute(text(query)).scalar())


def test_many_decimals_earn_advice(engine: Engine, tmp_path: Path) -> None:
    content = "sku,name,price\na1,Ant,2.55\nb1,Bee,3\n"
    report = bring(engine, tmp_path, content, exponent=0)
    assert "PEARSHOP_CURRENCY_EXPONENT=2" in report.advice()
    assert bring(engine, tmp_path, content, exponent=2).advice() == ""
    assert sorted(row["price"] for row in stored(engine)) == [255, 300]


def test_reports_are_written(engine: Engine, tmp_path: Path) -> None:
    report = bring(engine, tmp_path, "sku,name,price\na1,Ant,1\nb1,?,1\n")
    report.write(tmp_path / "r.csv")
    report.write(tmp_path / "r.json")
    rows = list(csv.DictReader((tmp_path / "r.csv").open()))
    assert [(row["line"], row["sku"], row["code"]) for row in rows] == [
        ("2", "a1", ""),
        ("3", "b1", "name_blank"),
    ]
    assert '"refused": 1' in (tmp_path / "r.json").read_text()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        report.write(tmp_path / "none" / "r.csv")


@pytest.mark.parametrize("fmt", ["csv", "jsonl"])
def test_an_export_changes_nothing_when_it_comes_back(
    engine: Engine, tmp_path: Path, fmt: Format
) -> None:
    content = (
        'sku,name,price,description,stock\na1,"Ant, ""red""",1.05,"two\r\nlines",0\n'
        ",Café ☕,10000000,,\n"
    )
    bring(engine, tmp_path, content)
    load_demo(engine, 2)
    before = stored(engine)
    out = io.StringIO(newline="")
    assert export_products(engine, out, fmt, exponent=2) == len(before)
    report = bring(engine, tmp_path, out.getvalue())
    assert report.counts()["unchanged"] == len(before) == len(report.rows)
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE products RESTART IDENTITY CASCADE"))
    assert bring(engine, tmp_path, out.getvalue()).counts()["taken"] == len(before)
    times = {"created_at", "updated_at"}
    assert [{k: v for k, v in row.items() if k not in times} for row in stored(engine)] == [
        {k: v for k, v in row.items() if k not in times} for row in before
    ]


def test_hidden_products_are_not_exported(engine: Engine) -> None:
    load_demo(engine, 2)
    with engine.begin() as connection:
        connection.execute(text("UPDATE products SET hidden = true WHERE id > 1"))
    assert export_products(engine, io.StringIO(), "csv", exponent=2) == 1


def test_the_demo_fills_an_empty_catalogue_only(engine: Engine) -> None:
    assert load_demo(engine, 2) == len(GOODS.strip().splitlines())
    assert stored(engine)[0]["price"] == 350_000
    assert load_demo(engine, 2) == 0


def test_the_shop_says_its_decimals(engine: Engine) -> None:
    assert shop_exponent(engine) == 2
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM shop"))
    with pytest.raises(ConfigurationError, match="pearshop up"):
        shop_exponent(engine)


def expected_refusals() -> tuple[int, Counter[str]]:
    """Judge the raw file by other means than the code under test."""
    taken: set[str] = set()
    refused: Counter[str] = Counter()
    with gzip.open(REAL, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            sku = row["sku"].upper()
            if sku in CHARGES:
                refused["not_goods"] += 1
            elif not re.search("[A-Za-z0-9]", row["name"]):
                refused["name_blank" if row["name"].strip() else "name_empty"] += 1
            elif not row["price"]:
                refused["price_missing"] += 1
            elif sku in taken:
                refused["repeated"] += 1
            else:
                assert Decimal(row["price"]) * 100 == int(Decimal(row["price"]) * 100) > 0
                taken.add(sku)
    return len(taken), refused


@needs_data
def test_the_real_catalogue(engine: Engine) -> None:
    seen: list[tuple[int, int]] = []
    report = import_products(engine, REAL, exponent=2, progress=lambda *at: seen.append(at))
    taken, refused = expected_refusals()
    assert (taken, refused.total()) == (3817, 253)
    assert report.counts() == {
        "taken": taken,
        "updated": 0,
        "unchanged": 0,
        "refused": refused.total(),
    }
    assert report.refusals() == dict(refused)
    assert [row.line for row in report.rows] == list(range(2, 4072))
    assert seen[-1] == (REAL.stat().st_size, REAL.stat().st_size)
    before = stored(engine)
    assert sum(row["price"] for row in before) > 0
    again = import_products(engine, REAL, exponent=2)
    assert again.counts()["unchanged"] == taken
    assert again.refusals() == dict(refused)
    assert stored(engine) == before
