"""Webhooks in the staff admin."""

from playwright.sync_api import expect

from tests.e2e.admin.conftest import Desk, staff_of
from tests.e2e.admin.test_orders import Place
from tests.e2e.conftest import PASSWORD, Shop
from tests.receiver import receiving
from tests.waiting import wait_for


def test_one_is_added_tested_told_again_and_removed(
    desk: Desk, shop: Shop, place_order: Place
) -> None:
    page = desk.page
    with receiving() as receiver:
        desk.open("/webhook/")
        page.get_by_label("Address").fill("ftp://books.example")
        desk.press("Add the webhook")
        expect(page.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
        assert desk.axe() == []
        page.get_by_label("Address").fill(receiver.url)
        page.get_by_label("order.cancelled").uncheck()
        desk.press("Add the webhook")
        expect(page.locator(".said code")).to_contain_text("whsec_")
        assert desk.axe() == []
        page.get_by_role("link", name="I have copied it").click()
        assert "whsec_" not in page.content()
        desk.press("Send a test")
        desk.says("A test is sent in a moment")
        wait_for(lambda: len(receiver.received) == 1, "the test to come")
        order = place_order(shop.shopper(), shop.product(stock=5))
        wait_for(lambda: len(receiver.received) == 2, "the order to be told of")
        page.reload()
        page.get_by_role("link", name=f"#{order['id']}", exact=True).wait_for()
        assert desk.axe() == []
        event = receiver.received[1].event_id
        desk.press(f"Send event {event} again")
        desk.says(f"Event {event} is sent again in a moment.")
        wait_for(lambda: receiver.ids.count(event) == 2, "the event to come again")
        desk.press("Switch it off")
        desk.says("It is switched off.")
        page.get_by_text("Make another secret …").click()
        desk.press("Make another secret")
        expect(page.locator(".said code")).to_contain_text("whsec_")
        page.get_by_role("link", name="I have copied it").click()
        page.get_by_text("Remove …").click()
        desk.press("Remove the webhook")
        desk.says("The webhook is removed.")
        expect(page.get_by_role("link", name=receiver.url)).to_have_count(0)


def test_who_is_no_owner_looks_alone(visitor: Desk, shop: Shop) -> None:
    caller = staff_of(shop, "editor")
    visitor.open("/webhook/")
    visitor.sign_in(caller.username, PASSWORD)
    visitor.page.get_by_role("heading", name="Webhooks").wait_for()
    expect(visitor.page.get_by_role("button", name="Add the webhook")).to_have_count(0)
