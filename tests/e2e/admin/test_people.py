"""People and history in the staff admin."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.e2e.admin.conftest import Desk, staff_of
from tests.e2e.conftest import PASSWORD, Caller, Shop

Place = Callable[..., dict[str, Any]]


def find(desk: Desk, caller: Caller) -> None:
    """Open somebody's page, from the list."""
    desk.open("/user/")
    desk.page.get_by_label("Username").fill(caller.username)
    desk.press("Show")
    desk.page.get_by_role("link", name=caller.username).click()
    desk.page.get_by_role("heading", name=caller.username).wait_for()


def test_a_shoppers_orders_and_live_cart(desk: Desk, shop: Shop, place_order: Place) -> None:
    shopper = shop.shopper()
    order = place_order(shopper, shop.product(name="Ordered pear"))
    shopper.post(
        "/api/order-item/",
        {"product_id": shop.product(name="Cart pear", price=70)["id"], "quantity": 3},
    )
    find(desk, shopper)
    page = desk.page
    expect(page.get_by_role("table", name="Latest orders")).to_contain_text(f"#{order['id']}")
    cart = page.get_by_role("table", name="Cart, as it is now")
    expect(cart).to_contain_text("Cart pear")
    expect(cart).to_contain_text("NGN\u00a0210")
    [line] = shopper.get("/api/order-item/").json()
    shopper.patch(f"/api/order-item/{line['id']}/", {"quantity": 5})
    expect(cart).to_contain_text("NGN\u00a0350")  # without a reload
    assert desk.axe() == []


def test_somebody_becomes_staff_and_is_let_go(desk: Desk, shop: Shop) -> None:
    shopper = shop.shopper()
    find(desk, shopper)
    page = desk.page
    page.get_by_label("Editor: changes products").check()
    desk.press("Set role")
    desk.says(f"{shopper.username} is editor now.")
    caller = shop.sign_in(shopper.username, PASSWORD)
    assert caller.get("/api/me/").json()["role"] == "editor"
    page.get_by_text("End all sessions …").click()
    desk.press("End all sessions")
    desk.says("All sessions are over")
    page.get_by_text("Deactivate …").click()
    desk.press(f"Deactivate {shopper.username}")
    desk.says(f"{shopper.username} can no longer sign in.")
    wish = {"username": shopper.username, "password": PASSWORD}
    assert shop.http.post("/api/login/", json=wish).status_code == 401
    desk.press("Let them sign in again")
    desk.says(f"{shopper.username} may sign in again.")
    assert shop.http.post("/api/login/", json=wish).status_code == 200


def test_the_last_owner_is_kept(desk: Desk) -> None:
    desk.open("/user/?role=owner")
    desk.page.get_by_role("link", name="staff", exact=True).click()
    desk.page.get_by_label("Viewer: sees").check()
    desk.press("Set role")
    desk.page.locator(".said.bad").wait_for()
    desk.open("/product/")
    assert desk.heading() == "Products"


def test_an_editor_is_not_offered_roles(visitor: Desk, shop: Shop) -> None:
    caller = staff_of(shop, "editor")
    visitor.open("/user/1")
    visitor.sign_in(caller.username, PASSWORD)
    visitor.page.get_by_text("An owner can change this.").wait_for()
    expect(visitor.page.get_by_role("button", name="Set role")).to_have_count(0)
    refused = visitor.page.request.post(f"{visitor.root}/user/1", form={"role": "viewer"})
    assert refused.status == 403
    assert "ask somebody who is owner" in refused.text()


def test_history_tells_who_changed_what(desk: Desk, shop: Shop) -> None:
    product = shop.product(name="Old name", price=100)
    desk.open(f"/product/{product['id']}")
    desk.page.get_by_label("Name").fill("New <b>name</b>")
    desk.page.get_by_label("Price").fill("1250")
    desk.press("Save")
    desk.page.get_by_role("link", name="Its history").click()
    page = desk.page
    last = page.locator(".log > li").first
    expect(last).to_contain_text("staff · product changed")
    expect(last).to_contain_text("Old name")
    expect(last).to_contain_text("New <b>name</b>")
    expect(last).to_contain_text("NGN\u00a0100")
    expect(last).to_contain_text("NGN\u00a01,250")
    expect(page.locator(".log > li")).to_have_count(2)
    assert desk.axe() == []
    page.get_by_label("Who").fill("staff")
    page.get_by_label("What").select_option("Orders")
    page.get_by_label("Its number").fill("")
    desk.press("Show")
    page.wait_for_url("**subject=order**")
    for text in page.locator(".log > li p").all_inner_texts():
        assert "order" in text
