"""From the shop to orders, with a visitor's cart, two phones and quick fingers."""

import os
from collections.abc import Callable

from playwright.sync_api import Route, expect

from tests.e2e.app.conftest import ADDRESS, OF_ORDERS, Phone, held, pear
from tests.e2e.conftest import PASSWORD, Shop
from tests.waiting import wait_for

DISK_IS_BUSY = """() => new Promise((busy) => {
  indexedDB.open("pearshop").onsuccess = (event) => {
    const rows = event.target.result.transaction("values", "readwrite").objectStore("values");
    const hold = () => window.diskIsFree || (rows.get("none").onsuccess = hold);
    hold();
    busy();
  };
})"""


def test_from_a_visitors_cart_to_a_second_order(shop: Shop, phone: Callable[[], Phone]) -> None:
    product, other = pear(shop, price=300, stock=9), pear(shop, price=50)
    mine = phone()
    page = mine.page
    mine.open()
    page.get_by_label("Search the shop").fill(product["name"])
    page.get_by_role("link", name=product["name"]).click()
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_text("1 in the cart")).to_be_visible()
    mine.add(other, 2)
    mine.tab("Cart")
    mine.shows(product, 1)
    mine.shows(other, 2)
    page.get_by_role("link", name="Checkout").click()
    page.get_by_role("link", name="Sign in or sign up").click()
    page.get_by_role("button", name="I am new here").click()
    username = f"ada-{os.urandom(4).hex()}"
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    page.get_by_label("Delivery address").fill(ADDRESS)
    expect(page.get_by_role("button", name="Order for")).to_contain_text("400")
    page.get_by_role("button", name="Order for").click()
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()

    page.get_by_role("button", name="Order again").click()
    mine.shows(other, 2)
    mine.is_settled()
    page.get_by_role("link", name="Checkout").click()
    expect(page.get_by_label("Delivery address")).to_have_value(ADDRESS)
    page.get_by_role("button", name="Order for").click()
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
    ordered = shop.sign_in(username, PASSWORD).get("/api/order/").json()
    assert [each["total_price"] for each in ordered] == [400, 400]
    page.get_by_role("button", name="Cancel the order").click()
    expect(page.get_by_label("Where it is")).to_contain_text("cancelled")
    assert shop.visitor.get(f"/api/product/{product['id']}/").json()["stock"] == 8


def test_what_is_said_to_be_in_the_cart_outlives_the_page(
    shop: Shop, phone: Callable[[], Phone]
) -> None:
    product = pear(shop)
    mine = phone()
    mine.open(f"/product/{product['id']}")
    mine.page.get_by_role("button", name="Add to cart").wait_for()
    mine.page.evaluate(DISK_IS_BUSY)
    mine.page.get_by_role("button", name="Add to cart").click()
    expect(mine.page.get_by_role("link", name="Cart, 1 in it")).to_be_visible()
    assert mine.told().inner_text() == ""  # for it would be lost now
    mine.page.evaluate("window.diskIsFree = true")
    expect(mine.told()).to_contain_text("1 in the cart")
    mine.open("/cart")
    mine.shows(product, 1)


def test_two_phones_of_one_shopper_agree(shop: Shop, phone: Callable[[], Phone]) -> None:
    shopper, product = shop.shopper(), pear(shop)
    one, other = phone(), phone()
    for each in (one, other):
        each.sign_in(shopper.username)
    other.tab("Cart")
    one.add(product, 2)
    other.shows(product, 2)
    other.page.get_by_label(f"One more of {product['name']}").click()
    one.tab("Cart")
    one.shows(product, 3)
    one.page.get_by_label(f"Remove {product['name']}").click()
    expect(other.page.get_by_text("Your cart is empty")).to_be_visible()
    one.page.get_by_role("button", name="Undo").click()
    other.shows(product, 3)
    wait_for(lambda: held(shopper) == {product["id"]: 3}, "the cart")


def test_three_quick_taps_are_three(shop: Shop, phone: Callable[[], Phone]) -> None:
    shopper, product = shop.shopper(), pear(shop)
    mine = phone()
    mine.sign_in(shopper.username)
    mine.open(f"/product/{product['id']}")
    button = mine.page.get_by_role("button", name="Add to cart")
    button.wait_for()
    mine.page.evaluate("[1, 2, 3].forEach(() => document.querySelector('.buy .main').click())")
    expect(mine.page.get_by_text("3 in the cart")).to_be_visible()
    wait_for(lambda: held(shopper) == {product["id"]: 3}, "three of them")


def test_a_double_tap_and_a_reload_make_one_order(shop: Shop, phone: Callable[[], Phone]) -> None:
    shopper, product = shop.shopper(), pear(shop)
    mine = phone()
    page = mine.page
    mine.sign_in(shopper.username)
    mine.add(product)
    mine.tab("Cart")
    page.get_by_role("link", name="Checkout").click()
    page.get_by_label("Delivery address").fill(ADDRESS)
    held_back: list[Route] = []

    def hold(route: Route) -> None:
        held_back.append(route)

    page.route(OF_ORDERS, hold, times=1)
    page.evaluate("(button => [1, 2].forEach(() => button.click()))(document.forms[0].lastChild)")
    wait_for(lambda: mine.turn() and held_back, "the order to be on its way")
    assert held_back[0].fetch().status == 201  # done, and nobody hears of it
    page.reload()
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
    assert len(shopper.get("/api/order/").json()) == 1


def test_what_the_shop_refuses_is_shown(shop: Shop, phone: Callable[[], Phone]) -> None:
    shopper, product, short = shop.shopper(), pear(shop), pear(shop, stock=5)
    mine = phone()
    page = mine.page
    mine.sign_in(shopper.username)
    mine.add(short, 3)
    wait_for(lambda: held(shopper) == {short["id"]: 3}, "three of them")
    mine.open(f"/product/{product['id']}")
    page.get_by_role("button", name="Add to cart").wait_for()
    mine.context.set_offline(True)
    page.get_by_role("button", name="Add to cart").click()
    shop.staff.delete(f"/api/product/{product['id']}/")
    shop.staff.patch(f"/api/product/{short['id']}/", {"stock": 2, "price": 77})
    mine.context.set_offline(False)
    mine.tab("Cart")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text(product["name"])
    alert.get_by_role("button").click()
    page.get_by_role("button", name="Take 2").click()
    page.get_by_role("button", name="Accept").click()
    mine.shows(short, 2)
    mine.is_settled()
    expect(page.get_by_role("link", name="Checkout")).to_be_visible()
