"""Somebody who is nobody yet, and what becomes of their cart."""

import json
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.e2e.app.conftest import ADDRESS, Phone, give_name, held, kept, pear
from tests.e2e.conftest import Shop
from tests.waiting import wait_for

OF_MERGES, OF_RENEWALS, OF_SIGN_INS = "**/api/cart/merge/", "**/api/token/refresh/", "**/api/login/"
SLOW = """
  const request = navigator.locks.request.bind(navigator.locks);
  navigator.locks.request = async (...all) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return request(...all);
  };
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (value, key) {
    if (JSON.stringify(value)?.includes("eyJ")) {
      for (let i = 0; i < 3000; i++) put.call(this, "", "filler");
    }
    return put.call(this, value, key);
  };
"""
"""A phone that takes a while to keep a token, and to say which tab may sync."""


def sign_in(page: Page, username: str) -> None:
    """Sign in on a page that has been there for a while, through the tab."""
    page.locator("#tabs").get_by_text("Account", exact=True).click()
    give_name(page, username)
    expect(page.get_by_role("heading", name=username)).to_be_visible()


def lose(route: Route) -> None:
    route.abort("connectionreset")


def test_a_cart_comes_along_though_the_phone_is_slow(
    shop: Shop, phone: Callable[[], Phone]
) -> None:
    shopper, product = shop.shopper(), pear(shop)
    mine = phone()
    mine.page.add_init_script(SLOW)
    mine.add(product)
    mine.tab("Cart")
    mine.is_settled()
    mine.page.route(OF_SIGN_INS, lose, times=1)  # the next answer tells that the shop is back
    sign_in(mine.page, shopper.username)
    wait_for(lambda: mine.turn() and held(shopper) == {product["id"]: 1}, "the cart")


def test_a_cart_that_went_elsewhere_is_not_shown(shop: Shop, phone: Callable[[], Phone]) -> None:
    shopper, other = shop.shopper(), shop.shopper()
    own, product = pear(shop), pear(shop)
    shopper.post("/api/order-item/", {"product_id": own["id"], "quantity": 1})
    mine = phone()
    page = mine.page
    for _ in range(3):  # the visitor's cart has seen more changes
        mine.add(product)
    mine.tab("Cart")
    mine.is_settled()
    guest = kept(page, "session")["refresh"]

    def give_away(route: Route) -> None:
        assert other.post("/api/cart/merge/", {"guest": guest}).status_code == 200
        route.continue_()

    page.route(OF_MERGES, give_away, times=1)
    sign_in(page, shopper.username)
    mine.tab("Cart")
    mine.shows(own, 1)
    expect(page.locator(".line")).to_have_count(1)
    mine.order()
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
    assert held(other) == {product["id"]: 3}


def test_an_order_waits_for_what_the_visitor_had(shop: Shop, phone: Callable[[], Phone]) -> None:
    shopper, product = shop.shopper(), pear(shop)
    mine = phone()
    page = mine.page
    mine.add(product)
    mine.tab("Cart")
    mine.is_settled()
    page.route(OF_MERGES, lose)
    page.get_by_role("link", name="Checkout").click()
    page.get_by_role("link", name="Sign in or sign up").click()
    give_name(page, shopper.username)
    page.get_by_label("Delivery address").fill(ADDRESS)
    page.get_by_role("button", name="Order for").click()
    alert = page.get_by_role("alert").filter(has_text="still wait for the network")
    expect(alert).to_be_visible(timeout=60_000)
    page.unroute(OF_MERGES)
    expect(page.get_by_label("Delivery address")).to_have_value(ADDRESS)
    page.get_by_role("button", name="Order for").click()
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible(timeout=30_000)
    [order] = shopper.get("/api/order/").json()
    assert [each["product"]["id"] for each in order["order_items"]] == [product["id"]]
    assert held(shopper) == {}


def test_another_tab_sees_who_signed_in(shop: Shop, phone: Callable[[], Phone]) -> None:
    shopper, product = shop.shopper(), pear(shop)
    mine = phone()
    for _ in range(3):
        mine.add(product)
    mine.tab("Cart")
    mine.is_settled()
    first, mine.page = mine.page, mine.context.new_page()
    mine.open("/cart")
    mine.shows(product, 3)
    sign_in(first, shopper.username)
    wait_for(lambda: mine.turn() and held(shopper) == {product["id"]: 3}, "the cart")
    mine.page.get_by_label(f"One more of {product['name']}").click()
    wait_for(lambda: mine.turn() and held(shopper) == {product["id"]: 4}, "one more")
    mine.order()
    expect(mine.page.get_by_role("heading", name="Thank you!")).to_be_visible()


def test_a_visit_that_is_over_leaves_its_cart_once_however_many_tabs(
    shop: Shop, phone: Callable[[], Phone]
) -> None:
    shopper, product = shop.shopper(), pear(shop)
    mine = phone()
    mine.add(product, 2)
    mine.tab("Cart")
    mine.is_settled()
    first, mine.page = mine.page, mine.context.new_page()
    mine.open("/cart")
    mine.shows(product, 2)
    visit = kept(first, "session")["refresh"]
    over = json.dumps({"detail": "Sign in again.", "code": "unauthenticated"})
    mine.context.route(OF_RENEWALS, lambda route: route.fulfill(status=401, body=over), times=1)
    first.reload()
    wait_for(
        lambda: (kept(first, "session") or {}).get("refresh", visit) != visit, "the next visitor"
    )
    mine.is_settled()
    mine.shows(product, 2)
    sign_in(first, shopper.username)
    wait_for(lambda: mine.turn() and held(shopper), "the cart")
    assert held(shopper) == {product["id"]: 2}
