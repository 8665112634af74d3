"""What fingers do: swipes, pulls, and scrolling without an end."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Locator, expect

from tests.e2e.app.conftest import Phone, held, pear
from tests.e2e.conftest import Shop
from tests.waiting import wait_for

MANY = 60


class Finger:
    """Touches the screen as a finger does."""

    def __init__(self, phone: Phone) -> None:
        self._session: CDPSession = phone.context.new_cdp_session(phone.page)

    def draw(self, start: tuple[float, float], by: tuple[float, float], steps: int = 8) -> None:
        """Put it down, move it, lift it."""
        self.drag(start, by, steps)
        self.lift()

    def drag(self, start: tuple[float, float], by: tuple[float, float], steps: int = 8) -> None:
        """Put it down and move it."""
        self._touch("touchStart", start)
        for step in range(1, steps + 1):
            share = step / steps
            self._touch("touchMove", (start[0] + by[0] * share, start[1] + by[1] * share))

    def lift(self) -> None:
        """Lift it."""
        self._touch("touchEnd", None)

    def _touch(self, kind: str, at: tuple[float, float] | None) -> None:
        points = [] if at is None else [{"x": at[0], "y": at[1]}]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def middle(element: Locator) -> tuple[float, float]:
    """Return where the middle of an element is, as soon as there is one."""
    box = element.evaluate("element => element.getBoundingClientRect().toJSON()")
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_swipe_removes_a_line_and_undo_brings_it_back(
    shop: Shop, phone: Callable[[], Phone]
) -> None:
    shopper, product = shop.shopper(), pear(shop)
    mine = phone()
    mine.sign_in(shopper.username)
    mine.add(product, 2)
    mine.tab("Cart")
    mine.is_settled()
    finger, line = Finger(mine), mine.page.locator(".line")
    finger.draw(middle(line), (-60, 0))  # too short to mean it
    mine.shows(product, 2)
    finger.draw(middle(line), (-220, 0))
    expect(mine.page.get_by_text("Your cart is empty")).to_be_visible()
    wait_for(lambda: held(shopper) == {}, "the line to go")
    mine.page.get_by_role("button", name="Undo").click()
    mine.shows(product, 2)
    wait_for(lambda: held(shopper) == {product["id"]: 2}, "the line to come back")


def test_a_short_swipe_removes_nothing_though_the_cart_changes_meanwhile(
    shop: Shop, phone: Callable[[], Phone]
) -> None:
    shopper, product, other = shop.shopper(), pear(shop), pear(shop)
    mine = phone()
    mine.sign_in(shopper.username)
    mine.add(product)
    mine.tab("Cart")
    mine.is_settled()
    finger = Finger(mine)
    finger.drag(middle(mine.page.locator(".line")), (-60, 0))
    shopper.post("/api/order-item/", {"product_id": other["id"], "quantity": 1})
    mine.shows(other, 1)
    finger.lift()
    mine.add(other)
    mine.tab("Cart")
    mine.is_settled()
    assert held(shopper) == {product["id"]: 1, other["id"]: 2}


def test_a_pull_asks_for_the_shop_anew(shop: Shop, phone: Callable[[], Phone]) -> None:
    mine = phone()
    mine.open()
    mine.page.locator("a.card").first.wait_for()
    came = pear(shop)
    finger = Finger(mine)

    def is_there() -> bool:
        finger.draw((200, 200), (0, 160))
        mine.page.wait_for_timeout(500)
        return mine.page.get_by_role("link", name=came["name"]).count() > 0

    wait_for(is_there, "the new product; the catalogue may be three seconds old")


@pytest.fixture(scope="module")
def many(shop: Shop) -> Iterator[str]:
    """The category of many products, more than fit into two pages."""
    category = f"Many {os.urandom(3).hex()}"
    made: list[dict[str, Any]] = [
        shop.product(name=f"Number {number:02}", price=number + 1, category=category)
        for number in range(MANY)
    ]
    yield category
    for each in made:
        shop.staff.delete(f"/api/product/{each['id']}/")


def test_scrolling_shows_all_and_keeps_its_place(
    shop: Shop, phone: Callable[[], Phone], many: str
) -> None:
    mine = phone()
    page = mine.page
    mine.open(f"/?category={many.replace(' ', '+')}&ordering=price")
    cards = page.locator("a.card")
    expect(page.get_by_label("Sort")).to_have_value("price")
    expect(page.get_by_role("button", name=many)).to_have_attribute("aria-pressed", "true")

    def all_are_there() -> bool:
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(100)
        return cards.count() == MANY

    wait_for(all_are_there, "all products")
    names = page.locator("a.card .name").all_inner_texts()
    assert names == [f"Number {number:02}" for number in range(MANY)]
    page.get_by_text("Number 30").scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    page.get_by_text("Number 30").click()
    page.get_by_role("button", name="Add to cart").wait_for()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_text("Number 30")).to_be_in_viewport()
    assert cards.count() == MANY
    assert page.evaluate("scrollY") == pytest.approx(before, abs=2)


STORED = """([name, value]) => new Promise((resolve, reject) => {
    const opening = indexedDB.open("pearshop", 1);
    opening.onerror = reject;
    opening.onsuccess = () => {
        const rows = opening.result.transaction("values", "readwrite").objectStore("values");
        const request = value === null ? rows.get(name) : rows.put(value, name);
        request.onsuccess = () => resolve(JSON.stringify(request.result));
    };
})"""
"""Reads a value that the app keeps, or writes it."""


def test_pages_that_were_seen_longest_ago_are_not_kept(
    phone: Callable[[], Phone], many: str
) -> None:
    mine = phone()
    page = mine.page
    mine.open()
    page.locator("a.card").first.wait_for()
    page.evaluate(STORED, ["pages", [f"old {number}" for number in range(60)]])
    page.evaluate(STORED, ["page old 0", {"items": [], "next": None}])
    page.get_by_role("button", name=many).click()
    wait_for(lambda: page.evaluate(STORED, ["page old 0", None]) is None, "the oldest to go")
    assert many.replace(" ", "+") in page.evaluate(STORED, ["pages", None])


def test_what_was_wished_stands_in_the_address(
    shop: Shop, phone: Callable[[], Phone], many: str
) -> None:
    mine = phone()
    page = mine.page
    mine.open()
    page.get_by_role("button", name=many).click()
    page.get_by_text("Filter").click()
    page.get_by_label("Price to").fill("3")
    page.get_by_label("Price to").blur()
    page.get_by_label("In stock only").check()
    page.get_by_label("Search the shop").fill("number")
    expect(page.locator("a.card")).to_have_count(3)
    page.wait_for_url("**search=number**")
    page.reload()
    expect(page.locator("a.card")).to_have_count(3)
    expect(page.get_by_label("Price to")).to_have_value("3")
    expect(page.get_by_label("In stock only")).to_be_checked()
    expect(page.get_by_label("Search the shop")).to_have_value("number")
    mine.tab("Cart")
    mine.tab("Shop")
    assert "search=number" in page.url
