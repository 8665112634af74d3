"""Product files over HTTP, and what comes out as CSV."""

import csv
import gzip
import io
import itertools
import json
from typing import Any

import pytest

from tests.conftest import SHARED_DATA
from tests.e2e.conftest import PASSWORD, Caller, Shop
from tests.e2e.test_cart import add

IMPORT = "/api/product/import/"
REAL = SHARED_DATA / "products.csv.gz"
NUMBERS = itertools.count()


def bring(caller: Caller, content: str | bytes, query: str = "") -> list[dict[str, Any]]:
    """Send a file; return the lines of the answer."""
    headers = {"Content-Type": "text/csv"}
    answer = caller.call("POST", IMPORT + query, content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    return [json.loads(each) for each in answer.text.splitlines()]


def rows_of(caller: Caller, path: str) -> list[dict[str, str]]:
    answer = caller.get(path)
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_a_dry_run_tells_row_by_row_and_changes_nothing(shop: Shop) -> None:
    sku = f"dry-{next(NUMBERS)}"
    made = shop.product(sku=sku, name="Ant", price=100, stock=3)
    file = f"sku,name,price,stock\n{sku},Ant,120,3\n{sku}-new,Bee,5,\n{sku}-bad,,5,\n"
    dry = bring(shop.staff, file, "?dry_run=true")
    assert dry[0] == {"rows": 3}
    assert [(each["line"], each["outcome"]) for each in dry[1:-1]] == [
        (2, "updated"),
        (3, "taken"),
        (4, "refused"),
    ]
    assert (dry[1]["before"], dry[1]["after"]) == ({"price": 100}, {"price": 120})
    assert dry[3]["reason"]
    assert shop.http.get(f"/api/product/{made['id']}/").json() == made
    done = bring(shop.staff, file)
    assert done == dry
    found = {each["sku"]: each["price"] for each in shop.staff.get("/api/product/").json()}
    assert (found[sku], found[f"{sku}-new"]) == (120, 5)
    [entry] = shop.staff.get(f"/api/audit/?subject=product&subject_id={made['id']}&limit=1").json()
    assert (entry["after"], entry["user"]["username"]) == ({"price": 120}, shop.staff.username)
    assert {each["outcome"] for each in bring(shop.staff, file)[1:3]} == {"unchanged"}


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "file_unreadable"),
        (b"sku;name\n", 400, "file_unreadable"),
        (b"\xff\xfe\x00", 400, "file_unreadable"),
        (gzip.compress(b"name,price\n"), 415, "unsupported_media_type"),
    ],
)
def test_what_is_no_product_file_is_refused(
    shop: Shop, content: bytes, status: int, code: str
) -> None:
    answer = shop.staff.call("POST", IMPORT, content=content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.skipif(not REAL.exists(), reason=f"the shop data is absent: put it at {REAL}")
def test_a_real_shop_s_products_are_taken(shop: Shop) -> None:
    # Prices here have no decimals, so that most are refused, each with its reason.
    told = bring(shop.staff, gzip.decompress(REAL.read_bytes()), "?dry_run=true")
    assert told[0]["rows"] == len(told) - 2 > 4_000
    assert "PEARSHOP_CURRENCY" in told[-1]["advice"]
    assert sum(told[-1]["counts"].values()) == told[0]["rows"]


def test_products_of_a_filter_come_out_as_they_go_in(shop: Shop) -> None:
    category = f"export-{next(NUMBERS)}"
    kept = shop.product(
        category=category, sku=f"{category}-1", price=7, description='A "pear",\nsoft'
    )
    shop.product(category="other")
    [row] = rows_of(shop.staff, f"/api/product/export/?category={category}")
    assert (row["name"], row["price"], row["description"]) == ("Pear", "7", kept["description"])
    out = shop.staff.get(f"/api/product/export/?category={category}").text
    assert bring(shop.staff, out)[1]["outcome"] == "unchanged"


def test_orders_come_out_a_row_for_each_line_and_nothing_runs_in_a_spreadsheet(shop: Shop) -> None:
    shopper = shop.shopper()
    lines = [add(shopper, shop.product(name=name, price=5)) for name in ("Pear", "Plum")]
    body = {"delivery_address": "=HYPERLINK(1)", "order_item_ids": [each["id"] for each in lines]}
    placed = shopper.post("/api/order/", body).json()
    rows = rows_of(shop.staff, f"/api/order/export/?search={shopper.username}")
    assert [row["product"] for row in rows] == ["Pear", "Plum"]
    assert {row["order"] for row in rows} == {str(placed["id"])}
    assert {row["delivery_address"] for row in rows} == {"'=HYPERLINK(1)"}


def test_shoppers_import_and_export_nothing(shop: Shop) -> None:
    shopper = shop.sign_in(shop.shopper().username, PASSWORD)
    assert shopper.call("POST", IMPORT, content="name,price\n").json()["code"] == "staff_only"
    for path in ("/api/product/export/", "/api/order/export/"):
        assert shopper.get(path).json()["code"] == "staff_only"
