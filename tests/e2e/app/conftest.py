"""Somebody with a phone."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from tests.e2e.conftest import PASSWORD, Caller, Shop, axe

ADDRESS = "12 Marina Road, Lagos"
OF_CHANGES, OF_ORDERS = "**/api/batch/", "**/api/order/"
KEPT = """(name) => new Promise((resolve) => {
  indexedDB.open("pearshop").onsuccess = (opened) => {
    const values = opened.target.result.transaction("values").objectStore("values");
    values.get(name).onsuccess = (got) => resolve(got.target.result);
  };
})"""
EMULATED: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}


class Phone:
    """A phone with the app on it, and whose it is."""

    def __init__(self, url: str, context: BrowserContext) -> None:
        self.url = url
        self.context = context
        self.page: Page = context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda said: self._heard(said.text))

    def _heard(self, text: str) -> None:
        if "Content Security Policy" in text or "Uncaught" in text:
            self.faults.append(text)

    def open(self, path: str = "/") -> None:
        self.page.goto(self.url + path)

    def axe(self) -> list[str]:
        """Return what axe finds against WCAG 2.2 AA."""
        return axe(self.page)

    def tab(self, name: str) -> None:
        self.page.locator("#tabs").get_by_text(name, exact=True).click()

    def add(self, product: dict[str, Any], times: int = 1) -> None:
        """Add to the cart, and wait until that would outlive the page."""
        self.open(f"/product/{product['id']}")
        button, told = self.page.get_by_role("button", name="Add to cart"), self.told()
        button.wait_for()
        before = int(told.inner_text().partition(" in the cart")[0] or 0)
        for _ in range(times):
            button.click()
        expect(told).to_contain_text(f"{before + times} in the cart")

    def told(self) -> Locator:
        """Return what the screen of a product says of it being in the cart."""
        return self.page.locator(".buy p[role='status']")

    def sign_in(self, username: str) -> None:
        self.open("/account")
        give_name(self.page, username)
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


def give_name(page: Page, username: str) -> None:
    """Fill in and send the form by which an account signs in."""
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.fixture
def phone(shop: Shop, browser: Browser) -> Iterator[Callable[[], Phone]]:
    """Makes phones, each of somebody who was never here."""
    made: list[Phone] = []

    def make(**more: Any) -> Phone:
        context = browser.new_context(**EMULATED | more)
        context.set_default_timeout(15_000)
        made.append(Phone(shop.run["api_url"], context))
        return made[-1]

    yield make
    for each in made:
        each.context.close()
        assert each.faults == []


def kept(page: Page, name: str) -> Any:
    """Return what is on the phone under a name."""
    return page.evaluate(KEPT, name)


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
