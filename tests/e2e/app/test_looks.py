"""Each screen from 320 to 1,024 px, light, dark and twice as large, to axe and to fingers."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.app.conftest import ADDRESS, Phone, pear
from tests.e2e.conftest import PASSWORD, Shop

SMALL = """() => [...document.querySelectorAll("button, .button, select, summary, #tabs a, .card")]
    .filter(each => each.checkVisibility())
    .filter(each => Math.min(each.offsetHeight, each.offsetWidth) < 44)
    .map(each => each.outerHTML.slice(0, 80))"""
MOVED = """() => new Promise(resolve => {
    let moved = 0;
    new PerformanceObserver(list => list.getEntries().forEach(each => {
        if (!each.hadRecentInput) moved += each.value;
    })).observe({type: "layout-shift", buffered: true});
    setTimeout(() => resolve(moved), 500);
})"""
"""How much has jumped since the page was opened: the cumulative layout shift."""


@pytest.fixture(scope="module")
def who(shop: Shop) -> tuple[str, list[str]]:
    """A shopper, and the paths of all screens, with something to show in each."""
    shopper = shop.shopper()
    product = pear(shop, name="Unbreakablyandunreasonablylong " * 3, price=999_999_999, stock=3)
    other = pear(shop, category="Long " * 15)
    for each, pieces in ((product, 2), (other, 1)):
        wish = {"product_id": each["id"], "quantity": pieces}
        line = shopper.post("/api/order-item/", wish).json()["id"]
    wish = {"delivery_address": ADDRESS * 9, "order_item_ids": [line]}
    order = shopper.post("/api/order/", wish).json()
    shop.staff.patch(f"/api/product/{product['id']}/", {"stock": 1})
    paths = ["/", "/?search=nothing+fits+this", f"/product/{product['id']}", "/product/999999999"]
    paths += ["/cart", "/checkout", "/orders", f"/orders/{order['id']}", "/account"]
    return shopper.username, paths


@pytest.mark.parametrize(
    ("width", "scheme", "text"),
    [
        *((width, "light", 100) for width in (320, 390, 768, 1024)),
        *((390, "dark", 100), (1024, "dark", 100), (390, "light", 200), (1024, "dark", 200)),
    ],
)
def test_every_screen_fits_and_satisfies_axe(
    phone: Callable[..., Phone], who: tuple[str, list[str]], width: int, scheme: str, text: int
) -> None:
    username, paths = who
    size = {"width": width, "height": 700}
    mine = phone(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    found: dict[str, list[Any]] = {}

    def look(path: str) -> None:
        mine.open(path)
        mine.page.locator("main h1").first.wait_for(state="attached")
        mine.page.wait_for_load_state("load")
        moved = mine.page.evaluate(MOVED)
        mine.page.evaluate(f"document.documentElement.style.fontSize = '{text}%'")
        faults: list[Any] = mine.axe()
        wide = mine.page.evaluate("document.documentElement.scrollWidth")
        faults += [f"is {wide} px wide"] if wide > width else []
        faults += mine.page.evaluate(SMALL)
        faults += [f"jumped by {moved}"] if moved > 0.1 else []
        if faults:
            found[path] = faults

    look("/account")  # of nobody
    look("/cart")
    mine.sign_in(username)
    for path in paths:
        look(path)
    assert found == {}


def test_a_keyboard_is_enough_to_order(shop: Shop, phone: Callable[..., Phone]) -> None:
    shopper, product = shop.shopper(), pear(shop)
    mine = phone(viewport={"width": 1024, "height": 700}, is_mobile=False, has_touch=False)
    page = mine.page
    mine.sign_in(shopper.username)
    mine.open(f"/product/{product['id']}")
    page.get_by_role("button", name="Add to cart").wait_for()

    def reach(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent.trim()").startswith(name):
                return
        raise AssertionError(f"the keyboard does not reach {name}")

    reach("Add to cart")
    page.keyboard.press("Enter")
    reach("To the cart")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Cart").wait_for()
    reach("Checkout")
    page.keyboard.press("Enter")
    page.get_by_label("Delivery address").focus()
    page.keyboard.type(ADDRESS)
    reach("Order for")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Thank you!").wait_for()
    assert len(shop.sign_in(shopper.username, PASSWORD).get("/api/order/").json()) == 1
