"""The shopper's app in a real browser that behaves as a phone, against a real shop."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from tests.e2e.conftest import PASSWORD, Caller, Shop
from tests.waiting import wait_for

CHROMIUM = shutil.which("chromium")
ADDRESS = "12 Marina Road, Lagos"
OF_CHANGES, OF_ORDERS = "**/api/batch/", "**/api/order/"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    arguments = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)


class Phone:
    """A phone with the app on it, and whose it is."""

    def __init__(self, shop: Shop, context: BrowserContext) -> None:
        self.shop = shop
        self.context = context
        self.page: Page = context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda said: self._heard(said.text))

    def _heard(self, text: str) -> None:
        if "Content Security Policy" in text or "Uncaught" in text:
            self.faults.append(text)

    def open(self, path: str = "/") -> None:
        self.page.goto(self.shop.run["api_url"] + path)

    def tab(self, name: str) -> None:
        self.page.locator("#tabs").get_by_text(name, exact=True).click()

    def add(self, product: dict[str, Any], times: int = 1) -> None:
        self.open(f"/product/{product['id']}")
        for _ in range(times):
            self.page.get_by_role("button", name="Add to cart").click()

    def sign_in(self, username: str) -> None:
        self.open("/account")
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        expect(self.page.get_by_role("heading", name=username)).to_be_visible()

    def shows(self, product: dict[str, Any], quantity: int) -> None:
        """Wait until the open cart shows so many."""
        group = self.page.get_by_role("group", name=f"Quantity of {product['name']}")
        expect(group.locator("output")).to_have_text(str(quantity))

    def turn(self) -> bool:
        """Let Playwright hear of what the page asked for meanwhile."""
        return bool(self.page.evaluate("true"))

    def is_settled(self) -> None:
        expect(self.page.locator(".line.pending")).to_have_count(0)

    def order(self) -> None:
        self.page.get_by_role("link", name="Checkout").click()
        self.page.get_by_label("Delivery address").fill(ADDRESS)
        self.page.get_by_role("button", name="Order for").click()


@pytest.fixture
def phone(shop: Shop, browser: Browser) -> Iterator[Callable[[], Phone]]:
    """Makes phones, each of somebody who was never here."""
    made: list[Phone] = []

    def make(**more: Any) -> Phone:
        emulated: dict[str, Any] = {
            "viewport": {"width": 390, "height": 844},
            "has_touch": True,
            "is_mobile": True,
        }
        context = browser.new_context(**emulated | more)
        context.set_default_timeout(15_000)
        made.append(Phone(shop, context))
        return made[-1]

    yield make
    for each in made:
        each.context.close()
        assert each.faults == []


def held(caller: Caller) -> dict[int, int]:
    lines = caller.get("/api/cart/").json()["lines"]
    return {each["product"]["id"]: each["quantity"] for each in lines}


def pear(shop: Shop, **members: Any) -> dict[str, Any]:
    return shop.product(**{"name": f"Pear {os.urandom(4).hex()}"} | members)


def lost_once(page: Page, path: str, done: list[int]) -> None:
    """Have the shop do what is asked at a path, and lose its first answer."""

    def handle(route: Route) -> None:
        if route.request.method != "POST" or done:
            route.continue_()
            return
        done.append(route.fetch().status)
        route.abort("connectionreset")

    page.route(path, handle)


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


def test_what_was_visited_opens_without_a_network(shop: Shop, phone: Callable[[], Phone]) -> None:
    shopper, product, other = shop.shopper(), pear(shop), pear(shop)
    mine = phone()
    page = mine.page
    mine.sign_in(shopper.username)
    mine.add(product)
    wait_for(lambda: held(shopper) == {product["id"]: 1}, "one of them")
    mine.open()
    page.get_by_role("link", name=other["name"]).wait_for()
    page.evaluate("navigator.serviceWorker.ready")
    wait_for(lambda: page.evaluate("navigator.serviceWorker.controller !== null"), "the worker")

    mine.context.set_offline(True)
    page.reload()
    page.get_by_role("link", name=other["name"]).click()
    page.get_by_role("button", name="Add to cart").click()
    expect(page.get_by_role("status").filter(has_text="Offline")).to_contain_text("1 to send")
    mine.tab("Cart")
    page.reload()  # what was done offline outlives the page
    mine.shows(product, 1)
    mine.shows(other, 1)
    expect(page.get_by_text("not sent yet")).to_be_visible()
    assert held(shopper) == {product["id"]: 1}

    mine.context.set_offline(False)
    mine.is_settled()
    assert held(shopper) == {product["id"]: 1, other["id"]: 1}


def test_a_change_whose_answer_is_lost_is_done_once(shop: Shop, phone: Callable[[], Phone]) -> None:
    shopper, product = shop.shopper(), pear(shop)
    mine = phone()
    mine.sign_in(shopper.username)
    mine.open(f"/product/{product['id']}")
    done: list[int] = []
    lost_once(mine.page, OF_CHANGES, done)
    mine.page.get_by_role("button", name="Add to cart").click()
    wait_for(lambda: mine.turn() and done, "the change to be done and its answer to be lost")
    mine.tab("Cart")
    mine.is_settled()
    mine.shows(product, 1)
    assert held(shopper) == {product["id"]: 1}


def test_an_order_whose_answer_is_lost_is_one(shop: Shop, phone: Callable[[], Phone]) -> None:
    shopper, product = shop.shopper(), pear(shop)
    mine = phone()
    mine.sign_in(shopper.username)
    mine.add(product)
    mine.tab("Cart")
    done: list[int] = []
    lost_once(mine.page, OF_ORDERS, done)
    mine.order()
    expect(mine.page.get_by_role("heading", name="Thank you!")).to_be_visible()
    assert done == [201]
    assert len(shopper.get("/api/order/").json()) == 1


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


def test_an_expired_token_is_renewed_unseen(shop: Shop, phone: Callable[[], Phone]) -> None:
    shopper, product = shop.shopper(), pear(shop)
    mine = phone()
    mine.sign_in(shopper.username)
    mine.open(f"/product/{product['id']}")
    refused: list[str] = []

    def spoil(route: Route) -> None:
        refused.append(route.request.url)
        route.continue_(headers=route.request.headers | {"authorization": "Bearer of.old.news"})

    mine.page.get_by_role("button", name="Add to cart").wait_for()
    mine.page.route(OF_CHANGES, spoil, times=1)
    mine.page.get_by_role("button", name="Add to cart").click()
    wait_for(lambda: mine.turn() and held(shopper) == {product["id"]: 1}, "the change")
    assert len(refused) == 1


def test_a_session_ended_elsewhere_is_over_here(shop: Shop, phone: Callable[[], Phone]) -> None:
    shopper, product = shop.shopper(), pear(shop)
    mine = phone()
    page = mine.page
    mine.sign_in(shopper.username)
    mine.add(product)
    mine.tab("Cart")
    mine.is_settled()
    for each in shopper.get("/api/session/").json():
        if not each["current"]:
            shopper.delete(f"/api/session/{each['id']}/")
    page.reload()
    expect(page.get_by_text("Your session is over")).to_be_visible()
    mine.shows(product, 1)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Username")).to_have_value(shopper.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    mine.tab("Cart")
    mine.shows(product, 1)


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


@pytest.mark.parametrize("width", [320, 390, 1024])
def test_no_screen_is_wider_than_the_phone(
    shop: Shop, phone: Callable[..., Phone], width: int
) -> None:
    shopper, product = shop.shopper(), pear(shop, name="W" * 60, price=999_999_999)
    mine = phone(viewport={"width": width, "height": 700}, color_scheme="dark")
    mine.sign_in(shopper.username)
    mine.add(product)
    for path in ("/", f"/product/{product['id']}", "/cart", "/checkout", "/orders", "/account"):
        mine.open(path)
        mine.page.locator("main h1").first.wait_for(state="attached")
        assert mine.page.evaluate("document.documentElement.scrollWidth") <= width, path
        small = mine.page.evaluate(
            """() => [...document.querySelectorAll("button, .button, select, #tabs a, .card")]
                .filter(each => each.checkVisibility() && each.getBoundingClientRect().height < 44)
                .map(each => each.outerHTML.slice(0, 80))"""
        )
        assert small == [], path
