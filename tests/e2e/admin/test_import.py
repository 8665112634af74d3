"""Imports in the staff admin."""

import csv
import os
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, expect

from tests.e2e.admin.conftest import Desk
from tests.e2e.conftest import Shop
from tests.waiting import wait_for


def file(text: str) -> FilePayload:
    """Return a product file."""
    return {"name": "goods.csv", "mimeType": "text/csv", "buffer": text.encode()}


@pytest.mark.parametrize("which", ["desk", "plain"])
def test_a_file_is_tried_out_and_imported(
    which: str, request: pytest.FixtureRequest, shop: Shop
) -> None:
    desk: Desk = request.getfixturevalue(which)
    sku = f"IMPORT-{os.urandom(3).hex()}"
    product = shop.product(sku=sku, name="Imported ant", price=100, stock=3)
    rows = f'sku,name,price,stock,description\n{sku},Imported ant,120,3,"two\nlines"\n'
    rows += f"{sku}-NEW,Imported bee,5,,\n{sku}-BAD,,5,,\n"
    page = desk.page
    desk.open("/product/")
    page.get_by_role("link", name="Import", exact=True).click()
    page.get_by_label("Choose a CSV file").set_input_files(file("no products"))
    desk.press("Show what would happen")
    page.locator(".said.bad").wait_for()
    page.get_by_label("Choose a CSV file").set_input_files(file(rows))
    desk.press("Show what would happen")
    expect(page.locator(".log > li")).to_have_count(3)
    expect(page.locator(".log > li").nth(0)).to_contain_text("NGN\u00a0120")
    expect(page.locator(".log > li .problem")).to_have_count(1)
    if which == "desk":
        assert desk.axe() == []
        expect(page.get_by_role("heading", name="It would be")).to_be_focused()
        page.get_by_label("Show only rows that are refused").check()
        expect(page.locator(".log > li:visible")).to_have_count(1)
    path = f"/api/product/{product['id']}/"
    assert shop.http.get(path).json() == product
    desk.press("Import 2 products")
    page.get_by_role("heading", name="It is done").wait_for()
    wait_for(lambda: shop.http.get(path).json()["price"] == 120, "the import to be seen")
    assert shop.http.get(path).json()["description"] == "two\nlines"
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download the report").click()
    text = Path(coming.value.path()).read_text(encoding="utf-8")
    told = [each["outcome"] for each in csv.DictReader(text.splitlines())]
    assert told == ["updated", "taken", "refused"]
