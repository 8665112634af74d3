"""Each page of the staff admin on a phone, a tablet and a desk, to axe and to the keyboard."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.e2e.admin.conftest import Desk, desk_of
from tests.e2e.conftest import Shop

Place = Callable[..., dict[str, Any]]
WIDTHS = (320, 360, 800, 1440, 1600)
"""320 px is what WCAG 2.2 asks for; the rest are phones, tablets and desks."""


Way = Callable[[Page], None]


LONG_ROWS = f"sku,name,price\nLOOKS,Looked at,1\n{'S' * 60},,1\nLOOKS-2,{'Long' * 40},2\n"


def try_out_a_file(page: Page, rows: str = LONG_ROWS) -> None:
    """Send a product file and wait for what would become of it."""
    page.get_by_label("Choose a CSV file").set_input_files(
        {"name": "goods.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    )
    page.get_by_role("button", name="Show what would happen").click()
    page.get_by_role("heading", name="It would be").wait_for()


def preview(page: Page, category: str = "Anothercategory" * 6) -> None:
    """Ask what would change of the products that were chosen."""
    page.get_by_label("Price, percent added").fill("-10")
    page.get_by_label("Category", exact=True).fill(category)
    page.get_by_role("button", name="Show what would change").click()
    page.get_by_role("heading", name="What would change").wait_for()


def _mistake(page: Page) -> None:
    page.get_by_label("Name").fill("Without a price")
    page.get_by_label("Price").fill("free")
    page.get_by_role("button", name="Put on sale").click()
    page.locator("#problems").wait_for()


def _question(page: Page) -> None:
    page.locator("tbody input[type=checkbox]").first.check()
    page.get_by_label("What to do with the chosen orders").select_option("Cancel …")
    page.get_by_role("button", name="Do it").click()
    page.get_by_role("heading", name="Cancel 1 order").wait_for()


WAYS: dict[str, tuple[str, Way]] = {
    "what a file would do": ("/product/import", try_out_a_file),
    "what would change": ("/product/bulk?id={product}", preview),
    "a form with mistakes": ("/product/new", _mistake),
    "whether to cancel": ("/order/?status=placed", _question),
}
"""Pages that answer a form: where it is, and how it is sent."""


@pytest.fixture(scope="module")
def webhook(shop: Shop) -> Iterator[int]:
    """A subscriber who is not there, at a long address."""
    wish = {"url": "http://127.0.0.1:9/" + "hook" * 40, "topics": ["order.placed"]}
    answer = shop.staff.post("/api/webhook/", wish)
    assert answer.status_code == 201, answer.text
    made: int = answer.json()["id"]
    yield made
    assert shop.staff.delete(f"/api/webhook/{made}/").status_code == 204


@pytest.fixture(scope="module")
def pages(shop: Shop, webhook: int) -> list[str]:
    """The paths of all kinds of pages, with something to show in each."""
    shopper = shop.shopper()
    long = "Unbreakablyandunreasonablylongnamedproduct " * 4
    product = shop.product(name=long, price=1_000_000_000, category="Long " * 15, sku="S" * 60)
    hidden = shop.product(name="Hidden")
    shop.staff.delete(f"/api/product/{hidden['id']}/")
    wish = {"product_id": product["id"], "quantity": 99}
    lines = [shopper.post("/api/order-item/", wish).json()["id"]]
    wish = {"delivery_address": "1 Long Street " * 20, "order_item_ids": lines}
    order = shopper.post("/api/order/", wish).json()
    shopper.post("/api/order-item/", {"product_id": product["id"], "quantity": 1})
    user = order["user"]["id"]
    return [
        "/",
        "/product/",
        "/product/?min=x&category=none",
        "/product/new",
        "/product/import",
        f"/product/bulk?id={product['id']}",
        f"/product/{product['id']}",
        f"/product/{hidden['id']}",
        "/order/",
        "/order/?shopper=nobody-there",
        f"/order/{order['id']}",
        f"/order/{order['id']}/slip",
        "/user/",
        f"/user/{user}",
        "/audit/",
        "/webhook/",
        f"/webhook/{webhook}",
        "/nothing-here",
        "/sign-in",
    ]


@pytest.mark.parametrize(
    ("width", "scheme"), [*((width, "light") for width in WIDTHS), (360, "dark"), (1440, "dark")]
)
def test_every_page_fits_and_satisfies_axe(
    shop: Shop, browser: Browser, signed_in: Any, pages: list[str], width: int, scheme: Any
) -> None:
    with (
        browser.new_context(
            storage_state=signed_in,
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            reduced_motion="reduce",
        ) as context,
        desk_of(shop, context) as desk,
    ):
        found = {}
        for path in pages:
            desk.open(path)
            found[path] = _faults(desk, width)
        product = next(path for path in pages if "bulk" in path).partition("=")[2]
        for name, (path, way) in WAYS.items():
            desk.open(path.format(product=product))
            way(desk.page)
            found[name] = _faults(desk, width)
        assert {name: each for name, each in found.items() if each} == {}


def _faults(desk: Desk, width: int) -> list[str]:
    desk.page.wait_for_selector("html.scripted")
    faults = desk.axe()
    wide = desk.page.evaluate("document.documentElement.scrollWidth")
    return [*faults, f"is {wide} px wide"] if wide > width else faults


def test_the_keyboard_is_enough(desk: Desk, shop: Shop) -> None:
    product = shop.product(name="By keyboard")
    desk.open("/product/?search=by+keyboard")
    page = desk.page
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        now = page.evaluate(
            """() => { const one = document.activeElement, style = getComputedStyle(one)
                const label = one.getAttribute("aria-label") || one.labels?.[0]?.innerText
                return [label || one.innerText, style.outlineStyle, style.outlineWidth] }"""
        )
        assert now[1:] == ["solid", "3px"], now
        reached.append(now[0])
        if now[0] == "By keyboard":
            break
    assert reached[:4] == ["Export as CSV", "Import", "New product", "Search"]
    page.keyboard.press("Tab")
    page.keyboard.type("333")
    page.keyboard.press("Enter")
    expect(page.locator(f"#product-{product['id']}")).to_have_attribute("class", "fresh")
    assert shop.http.get(f"/api/product/{product['id']}/").json()["price"] == 333


def test_the_menu_of_a_phone_opens_and_leads_on(plain: Desk) -> None:
    plain.open("/product/")
    plain.page.get_by_role("button", name="Menu").press("Enter")
    people = plain.page.get_by_role("link", name="People")
    expect(people).to_be_visible()
    assert plain.page.get_by_role("link", name="Products", exact=True).first.get_attribute(
        "aria-current"
    )
    people.click()
    assert plain.heading() == "People"


def test_what_takes_long_shows_progress(desk: Desk, shop: Shop) -> None:
    shop.product(name="Slowly served")
    desk.open("/product/?search=slowly+served")
    page = desk.page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/quick", hold)
    page.get_by_label("Price of Slowly served").fill("260")
    page.keyboard.press("Enter")
    expect(page.locator("#busy")).to_be_visible()
    expect(page.locator("#live")).to_have_text("Working …")
    page.keyboard.press("Enter")
    held[0].continue_()
    expect(page.locator("#busy")).to_be_hidden()
    assert len(held) == 1, "a second press sent the form again"


def test_a_page_that_is_not_there_leads_on(desk: Desk) -> None:
    answer = desk.open("/product/999999999")
    assert answer.status == 404
    assert desk.heading() == "There is nothing here"
    desk.page.get_by_role("link", name="To the start").click()
    desk.page.get_by_role("heading", name="Dashboard").wait_for()
