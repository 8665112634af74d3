"""The dashboard of the staff admin."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.e2e.admin.conftest import Desk
from tests.e2e.conftest import Shop

Place = Callable[..., dict[str, Any]]


def test_it_tells_of_sales_and_leads_to_what_waits(
    desk: Desk, shop: Shop, place_order: Place
) -> None:
    product = shop.product(name="Dashboard loquat", price=70, stock=1000)
    shop.product(name="Dashboard tamarind", stock=0)
    place_order(shop.shopper(), product, 90)
    page = desk.page
    desk.open("/")
    assert desk.heading() == "Dashboard"
    today = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Today"))
    expect(today).to_contain_text("NGN")
    expect(today).to_contain_text("the day before, until this time")
    chart = page.get_by_role("img", name="Revenue of each of 30 days")
    expect(chart.locator("g")).to_have_count(30)
    page.get_by_text("As a table").click()
    expect(page.get_by_role("table", name="Revenue by day").locator("tbody tr")).to_have_count(30)
    best = page.get_by_role("region", name="Best sellers of 30 days")
    expect(best.get_by_role("link", name="Dashboard loquat")).to_be_visible(timeout=15_000)
    page.get_by_role("link", name="7 days").click()
    expect(chart).to_have_count(0)
    expect(page.get_by_role("img", name="Revenue of each of 7 days")).to_be_visible()
    assert desk.axe() == []
    low = page.get_by_role("region", name="Low stock").get_by_role("link").first
    expect(low).to_be_visible(timeout=75_000)  # it is up to a minute old
    low.click()
    page.wait_for_url("**/admin/product/*")
    desk.open("/")
    page.get_by_role("region", name="Orders by status").get_by_text("Placed").click()
    page.wait_for_url("**/admin/order/?status=placed")


def test_new_orders_appear_by_themselves_and_are_announced(
    desk: Desk, shop: Shop, place_order: Place
) -> None:
    product, shopper = shop.product(name="Fresh fig", stock=50), shop.shopper()
    page = desk.page
    place_order(shopper, product)
    desk.open("/")
    page.get_by_text("As a table").click()
    link = page.get_by_role("region", name="Orders by status").get_by_role("link").first
    link.focus()
    order = place_order(shopper, product)
    row = page.locator(f"tr[data-number='{order['id']}']")
    expect(row).to_have_class("fresh", timeout=15_000)
    expect(page.locator("#live")).to_have_text("A new order came in.")
    expect(link).to_be_focused()
    expect(page.locator("#table")).to_have_attribute("open", "")


def test_what_has_not_changed_is_not_sent_again(desk: Desk) -> None:
    desk.open("/")
    tags: set[str] = set()

    def unchanged() -> int:
        headers = {"X-Part": "now", "If-None-Match": next(iter(tags), "")}
        answer = desk.page.request.get(desk.root + "/", headers=headers)
        tags.clear()
        tags.add(answer.headers["etag"])
        return answer.status

    assert 304 in [unchanged() for _ in range(3)]


def test_without_scripts_it_shows_as_much(plain: Desk) -> None:
    plain.open("/")
    expect(plain.page.get_by_role("heading", name="Latest orders")).to_be_visible()
    expect(plain.page.get_by_role("img", name="Revenue of each of 30 days")).to_be_visible()
