"""Orders in the staff admin."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.admin.conftest import Desk
from tests.e2e.conftest import Shop

Place = Callable[..., dict[str, Any]]


def numbers(desk: Desk) -> list[str]:
    """Return the numbers of the orders in the list."""
    return desk.page.locator("tbody th a").all_inner_texts()


def test_they_are_searched_and_filtered(desk: Desk, shop: Shop, place_order: Place) -> None:
    shopper, pear = shop.shopper(), shop.product(name="Warden pear", stock=50)
    fig = shop.product(name="Black fig")
    first, second = place_order(shopper, pear), place_order(shopper, fig)
    other = place_order(shop.shopper(), fig)
    shop.staff.patch(f"/api/order/{second['id']}/", {"status": "packed"})
    page = desk.page
    desk.open("/order/")
    page.get_by_label("Search").fill(shopper.username)
    desk.press("Show")
    assert numbers(desk) == [f"#{second['id']}", f"#{first['id']}"]
    page.get_by_label("Status", exact=True).select_option("Packed")
    desk.press("Show")
    assert numbers(desk) == [f"#{second['id']}"]
    page.get_by_role("link", name="Clear").click()
    page.get_by_text("Filters").click()
    page.get_by_label("Product").fill("black fig")
    desk.press("Show")
    page.get_by_text("Orders with Black fig").wait_for()
    assert numbers(desk) == [f"#{other['id']}", f"#{second['id']}"]
    page.get_by_label("Shopper").fill(shopper.username)
    today = datetime.now(UTC).date()
    page.get_by_label("Placed from").fill((today - timedelta(days=1)).isoformat())
    page.get_by_label("Placed until").fill((today + timedelta(days=1)).isoformat())
    desk.press("Show")
    assert numbers(desk) == [f"#{second['id']}"]
    page.get_by_label("Placed until").fill((today - timedelta(days=1)).isoformat())
    desk.press("Show")
    page.get_by_text("No order fits.").wait_for()
    page.get_by_label("Shopper").fill("nobody-of-that-name")
    desk.press("Show")
    expect(page.get_by_label("Shopper")).to_have_accessible_description(
        "Username, or # and a number No username begins like that."
    )


def test_one_is_moved_on_to_its_end(desk: Desk, shop: Shop, place_order: Place) -> None:
    product = shop.product(name="Bergamot", price=450, stock=9)
    order = place_order(shop.shopper(), product, 2)
    shop.staff.patch(f"/api/product/{product['id']}/", {"price": 999})
    desk.open(f"/order/{order['id']}")
    page = desk.page
    assert page.locator("tbody td").all_inner_texts() == ["450", "2", "900"]
    expect(page.locator("address")).to_have_text(order["delivery_address"])
    for word in ("packed", "shipped", "delivered"):
        desk.press(f"Mark as {word}")
        desk.says(f"Order #{order['id']} is {word}.")
    page.get_by_text("It is delivered: that is where it ends.").wait_for()
    expect(page.locator(".events .status")).to_have_text(
        ["placed", "packed", "shipped", "delivered"]
    )


def test_one_is_cancelled_and_its_stock_is_back(desk: Desk, shop: Shop, place_order: Place) -> None:
    product = shop.product(stock=9)
    order = place_order(shop.shopper(), product, 2)
    desk.open(f"/order/{order['id']}")
    desk.page.get_by_text("Cancel …").click()
    desk.page.get_by_text("Its 2 pieces go back into stock.").wait_for()
    desk.press(f"Cancel order #{order['id']}")
    desk.says(f"Order #{order['id']} is cancelled, and its stock is back.")
    assert shop.http.get(f"/api/product/{product['id']}/").json()["stock"] == 9


def test_a_move_that_somebody_forestalled_says_what_is_possible(
    desk: Desk, shop: Shop, place_order: Place
) -> None:
    order = place_order(shop.shopper(), shop.product())
    desk.open(f"/order/{order['id']}")
    shop.staff.patch(f"/api/order/{order['id']}/", {"status": "cancelled"})
    desk.press("Mark as packed")
    desk.says("The order is cancelled and cannot become packed")


def test_several_are_moved_at_once(desk: Desk, shop: Shop, place_order: Place) -> None:
    shopper, product = shop.shopper(), shop.product(stock=50)
    orders = [place_order(shopper, product) for _ in range(4)]
    shop.staff.patch(f"/api/order/{orders[0]['id']}/", {"status": "cancelled"})
    desk.open(f"/order/?search={shopper.username}")
    page = desk.page
    page.get_by_label("All on this page").check()
    page.get_by_text("4 chosen").first.wait_for()
    page.get_by_label("What to do with the chosen orders").select_option("Mark as packed")
    desk.press("Do it")
    desk.says("3 orders are packed now.")
    desk.says(f"#{orders[0]['id']}: The order is cancelled")
    page.wait_for_url(f"**/admin/order/?search={shopper.username}")
    for order in orders[1:3]:
        page.get_by_label(f"Choose order {order['id']}").check()
    page.get_by_label("What to do with the chosen orders").select_option("Cancel …")
    desk.press("Do it")
    page.get_by_role("heading", name="Cancel 2 orders?").wait_for()
    assert desk.axe() == []
    desk.press("Cancel them")
    desk.says("2 orders are cancelled now.")
    statuses = [shop.staff.get(f"/api/order/{order['id']}/").json()["status"] for order in orders]
    assert statuses == ["cancelled", "cancelled", "cancelled", "packed"]


def test_nothing_chosen_is_said(desk: Desk, shop: Shop, place_order: Place) -> None:
    place_order(shop.shopper(), shop.product())
    desk.open("/order/")
    desk.press("Do it")
    desk.says("Tick the orders first that you mean.")


def test_slips_are_for_the_printer(desk: Desk, shop: Shop, place_order: Place) -> None:
    shopper, product = shop.shopper(), shop.product(name="Perry pear", sku="PERRY-1")
    orders = [place_order(shopper, product, 3) for _ in range(2)]
    desk.open(f"/order/?search={shopper.username}")
    page = desk.page
    page.get_by_label("All on this page").check()
    page.get_by_label("What to do with the chosen orders").select_option("Print packing slips")
    desk.press("Do it")
    expect(page.locator("article")).to_have_count(2)
    assert desk.axe() == []
    for order in orders:
        slip = page.get_by_label(f"Packing slip of order {order['id']}")
        expect(slip).to_contain_text("Perry pear")
        expect(slip).to_contain_text("PERRY-1")
        expect(slip).to_contain_text("Orchard Way")
        expect(slip).not_to_contain_text("250")
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    expect(page.get_by_role("button", name="Print")).to_be_hidden()
    expect(page.locator("article").first).to_be_visible()


@pytest.mark.parametrize("zone", ["Pacific/Auckland", "America/Los_Angeles"])
def test_times_are_in_the_viewers_zone(
    shop: Shop, desk: Desk, place_order: Place, zone: str
) -> None:
    order = place_order(shop.shopper(), shop.product())
    browser = desk.page.context.browser
    assert browser is not None
    state: Any = desk.page.context.storage_state()
    state["cookies"] = [c for c in state["cookies"] if c["name"] != "pearshop_admin_zone"]
    with browser.new_context(storage_state=state, timezone_id=zone) as context:
        page = context.new_page()
        page.goto(f"{desk.root}/order/{order['id']}")
        at = page.locator(".events time")
        wanted = page.evaluate(
            """(stamp) => { const at = new Date(stamp)
                return `${at.getDate()} ${at.toLocaleString("en", {month: "short"})} `
                    + `${at.getFullYear()}, ${at.toTimeString().slice(0, 5)}` }""",
            order["created_at"],
        )
        expect(at).to_have_text(wanted)
        # From the second page on the server knows the zone, without scripts, too.
        assert wanted in page.request.get(f"{desk.root}/order/{order['id']}").text()
