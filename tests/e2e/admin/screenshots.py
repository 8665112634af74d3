"""Pictures of each page of the staff admin, on a phone and on a desk.

`uv run python -m tests.e2e.admin.screenshots` starts a shop of its own, lets people shop there, and
writes `docs/img/admin/`.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.e2e.admin.conftest import DESK, PHONE, Desk
from tests.e2e.admin.test_looks import preview, try_out_a_file
from tests.e2e.conftest import PASSWORD, STAFF_PASSWORD, Shop, shown_shop

FOLDER = Path(__file__).parents[3] / "docs/img/admin"
SIZES = {"phone": PHONE, "desk": DESK}
NAMES = ("ada", "bola", "chidi", "dayo", "emeka", "funmi")
SETTINGS = {"PEARSHOP_WEBHOOK_PRIVATE_ADDRESSES": "on"}
MOVES = ("packed", "shipped", "delivered")
FILE = "sku,name,price\nBAG-003,Shopping net,2900\nBAG-001,,3900\nKIT-001,Enamel mug,3700\n"


def main() -> None:
    """Make the pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with shown_shop(**SETTINGS) as (shop, browser):
        pages = _fill(shop)
        for size, viewport in SIZES.items():
            for name in _pictures(shop, browser, viewport, pages, size):
                print(name)


def _fill(shop: Shop) -> dict[str, str]:
    """Let people shop, and return the pages by the names of their pictures."""
    for name in NAMES:
        account = {"username": name, "password": PASSWORD}
        assert shop.http.post("/api/register/", json=account).status_code == 201
    wish = {"url": "http://localhost:9/books", "topics": ["order.placed"]}
    webhook = shop.staff.post("/api/webhook/", wish).json()["id"]
    goods = itertools.cycle(shop.http.get("/api/product/", params={"in_stock": "true"}).json())
    order: dict[str, Any] = {}
    for number in range(30):
        caller = shop.sign_in(NAMES[number % len(NAMES)], PASSWORD)
        lines = [
            caller.post("/api/order-item/", {"product_id": each["id"], "quantity": 1 + number % 3})
            for each in itertools.islice(goods, 1 + number % 4)
        ]
        wish = {
            "delivery_address": f"{caller.username.title()} Adeyemi\n{number + 1} Marina\nLagos",
            "order_item_ids": [line.json()["id"] for line in lines],
        }
        order = caller.post("/api/order/", wish).json()
        for status in MOVES[: (30 - number) // 8]:
            shop.staff.patch(f"/api/order/{order['id']}/", {"status": status})
    caller.post("/api/order-item/", {"product_id": next(goods)["id"], "quantity": 2})
    product = next(goods)["id"]
    shop.staff.patch(f"/api/product/{product}/", {"price": 4200, "category": "Gifts"})
    return {
        "dashboard": "/",
        "products": "/product/",
        "product": f"/product/{product}",
        "orders": "/order/",
        "order": f"/order/{order['id']}",
        "packing-slip": f"/order/{order['id']}/slip",
        "people": "/user/",
        "person": f"/user/{order['user']['id']}",
        "history": "/audit/",
        "import": "/product/import",
        "webhooks": "/webhook/",
        "webhook": f"/webhook/{webhook}",
        "several-products": f"/product/bulk?id={product}",
    }


def _pictures(
    shop: Shop, browser: Browser, viewport: Any, pages: dict[str, str], size: str
) -> Iterator[str]:
    with browser.new_context(viewport=viewport, timezone_id="Africa/Lagos") as context:
        desk = Desk(shop, context.new_page())
        desk.open("/")
        yield _take(desk, f"sign-in-{size}")
        desk.sign_in(shop.run["staff_username"], STAFF_PASSWORD)
        desk.page.wait_for_url("**/admin/**")
        for name, path in pages.items():
            desk.open(path)
            desk.page.wait_for_load_state("networkidle")
            yield _take(desk, f"{name}-{size}")
        desk.open(pages["several-products"])
        preview(desk.page, "Presents")
        yield _take(desk, f"several-products-preview-{size}")
        desk.open(pages["import"])
        try_out_a_file(desk.page, FILE)
        yield _take(desk, f"import-tried-{size}")


def _take(desk: Desk, name: str) -> str:
    desk.page.screenshot(path=FOLDER / f"{name}.png")
    return name


if __name__ == "__main__":
    main()
