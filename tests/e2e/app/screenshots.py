"""Pictures of each screen of the shopper's app, light and dark.

`uv run python -m tests.e2e.app.screenshots` starts a shop of its own, goes through it as a shopper
does, and writes `docs/img/app/`: each screen, and all of them side by side for the README.
"""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from tests.e2e.app.conftest import ADDRESS, EMULATED, Phone
from tests.e2e.conftest import PASSWORD, Shop, shown_shop

FOLDER = Path(__file__).parents[3] / "docs/img/app"
SCHEMES = {"light": "ada", "dark": "bola"}
COLUMNS = 6
GAP = 16
SCREENS = (
    *("shop", "search", "product", "cart", "sign-up", "checkout"),
    *("thank-you", "orders", "order", "account", "offline"),
)


def main() -> None:
    """Make the pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with shown_shop() as (shop, browser):
        for scheme in SCHEMES:
            for name in _pictures(shop, browser, scheme):
                print(name)
            _side_by_side(scheme)


def _pictures(shop: Shop, browser: Browser, scheme: str) -> Iterator[str]:
    """Go through the shop; yields the name of each picture that was made."""
    settings = EMULATED | {"color_scheme": scheme, "reduced_motion": "reduce", "locale": "en-GB"}
    with browser.new_context(**settings, timezone_id="Africa/Lagos") as context:
        phone = Phone(shop.run["api_url"], context)
        page = phone.page

        def take(name: str) -> str:
            page.wait_for_timeout(300)  # animations and pictures
            page.screenshot(path=FOLDER / f"{name}-{scheme}.png")
            return f"{name}-{scheme}"

        phone.open()
        page.locator("a.card").first.wait_for()
        yield take("shop")
        page.get_by_label("Search the shop").fill("pear")
        page.wait_for_url("**search=pear**")
        yield take("search")
        page.locator("a.card").first.click()
        page.get_by_role("button", name="Add to cart").click()
        page.get_by_text("in the cart").wait_for()
        phone.turn()
        yield take("product")
        for each in shop.visitor.get("/api/product/", params={"limit": 2}).json():
            phone.add(each, 2)
        phone.tab("Cart")
        page.get_by_role("link", name="Checkout").wait_for()
        phone.is_settled()
        yield take("cart")
        page.get_by_role("link", name="Checkout").click()
        page.get_by_role("link", name="Sign in or sign up").click()
        page.get_by_role("button", name="I am new here").click()
        page.get_by_label("Username").fill(SCHEMES[scheme])
        page.get_by_label("Password").fill(PASSWORD)
        yield take("sign-up")
        page.get_by_role("button", name="Make my account").click()
        page.get_by_label("Delivery address").fill(f"Ada Obi\n{ADDRESS}")
        yield take("checkout")
        page.get_by_role("button", name="Order for").click()
        page.get_by_role("heading", name="Thank you!").wait_for()
        yield take("thank-you")
        [order] = shop.staff.get("/api/order/", params={"search": SCHEMES[scheme]}).json()
        for status in ("packed", "shipped"):
            shop.staff.patch(f"/api/order/{order['id']}/", {"status": status})
        page.get_by_role("button", name="Order again").click()
        phone.is_settled()
        phone.order()
        page.get_by_role("heading", name="Thank you!").wait_for()
        phone.tab("Orders")
        page.get_by_text("shipped").wait_for()
        yield take("orders")
        page.get_by_role("link", name=f"Order {order['id']}").click()
        page.get_by_role("button", name="Order again").wait_for()
        yield take("order")
        phone.tab("Account")
        page.get_by_text("this one").wait_for()
        yield take("account")
        phone.tab("Shop")
        page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
        context.set_offline(True)
        page.locator("a.card").nth(1).click()
        page.get_by_role("button", name="Add to cart").click()
        phone.tab("Cart")
        page.get_by_text("not sent yet").wait_for()
        yield take("offline")


def _side_by_side(scheme: str) -> None:
    pictures = [Image.open(FOLDER / f"{name}-{scheme}.png") for name in SCREENS]
    width, height = pictures[0].size
    rows = -(-len(pictures) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (width + GAP) - GAP, rows * (height + GAP) - GAP), "gray")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, COLUMNS)
        sheet.paste(picture, (column * (width + GAP), row * (height + GAP)))
    sheet.quantize(64).save(FOLDER / f"all-{scheme}.png", optimize=True)


if __name__ == "__main__":
    main()
