"""Exports in the staff admin."""

import csv
from pathlib import Path
from typing import Any

from tests.e2e.admin.conftest import Desk
from tests.e2e.admin.test_orders import Place
from tests.e2e.conftest import Shop


def download(desk: Desk) -> tuple[str, list[dict[str, Any]]]:
    """Download the export of the list that is open; return the file's name and its rows."""
    with desk.page.expect_download() as coming:
        desk.page.get_by_role("link", name="Export as CSV").click()
    text = Path(coming.value.path()).read_text(encoding="utf-8")
    return coming.value.suggested_filename, list(csv.DictReader(text.splitlines()))


def test_products_of_the_filter_are_downloaded(desk: Desk, shop: Shop) -> None:
    for number in range(2):
        shop.product(name=f"Exported {number}", category="To go", sku=f"TO-GO-{number}")
    desk.open("/product/?category=To+go&sort=name")
    name, rows = download(desk)
    assert name == "products.csv"
    assert sorted(each["name"] for each in rows) == ["Exported 0", "Exported 1"]
    assert not desk.page.locator("#busy").is_visible()


def test_orders_of_the_filter_are_downloaded(desk: Desk, shop: Shop, place_order: Place) -> None:
    shopper = shop.shopper()
    order = place_order(shopper, shop.product(name="Exported pear"), 3)
    desk.open(f"/order/?shopper={shopper.username}")
    name, rows = download(desk)
    assert name == "orders.csv"
    assert [(each["order"], each["quantity"]) for each in rows] == [(str(order["id"]), "3")]


def test_a_filter_with_a_mistake_exports_nothing(desk: Desk) -> None:
    answer = desk.open("/product/export?min=cheap")
    assert answer.status == 400
    desk.page.get_by_text("Mend the filter in the list first").wait_for()
