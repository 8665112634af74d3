"""Somebody of the staff with a browser."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response

from tests.e2e.conftest import STAFF_PASSWORD, Caller, Shop, axe

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1440, "height": 900}
REFUSED = "Failed to load resource: the server responded with a status of 4"
"""What the browser itself says of an answer of 4xx, for one to a form with a mistake in it."""


@dataclass
class Desk:
    """A page of the admin in a browser. `faults`: what the browser complained of."""

    shop: Shop
    page: Page
    faults: list[str] = field(default_factory=list)

    @property
    def root(self) -> str:
        """The admin's address."""
        return str(self.shop.run["api_url"]) + "/admin"

    def open(self, path: str) -> Response:
        """Go to a page of the admin."""
        response = self.page.goto(self.root + path)
        assert response is not None
        return response

    def sign_in(self, username: str, password: str) -> None:
        """Fill in the form as a person does."""
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def press(self, name: str) -> None:
        """Press the button of that name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def says(self, text: str) -> None:
        """Wait for the page to say something above its content."""
        self.page.locator(".said", has_text=text).first.wait_for()

    def heading(self) -> str:
        """Return the page's heading."""
        return self.page.locator("h1").inner_text()

    def axe(self) -> list[str]:
        """Return what axe finds against WCAG 2.2 AA."""
        return axe(self.page)

    def _watch(self) -> None:
        own = (str(self.shop.run["api_url"]), "data:", "blob:")

        def heard(kind: str, text: str) -> None:
            if kind == "error" and not text.startswith(REFUSED):
                self.faults.append(text)

        def asked(url: str) -> None:
            if not url.startswith(own):
                self.faults.append(f"left the machine: {url}")

        self.page.on("console", lambda said: heard(said.type, said.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: asked(request.url))


OpenDesk = Callable[..., Any]


@contextmanager
def desk_of(shop: Shop, context: BrowserContext) -> Iterator[Desk]:
    """Yield a page of a browser; fails when the browser complained or asked elsewhere."""
    desk = Desk(shop, context.new_page())
    desk._watch()
    yield desk
    assert desk.faults == []


@pytest.fixture(scope="module")
def signed_in(shop: Shop, browser: Browser) -> Any:
    """The cookies of a browser in which the first account of the staff is signed in."""
    with browser.new_context() as context:
        desk = Desk(shop, context.new_page())
        desk.open("/")
        desk.sign_in(shop.run["staff_username"], STAFF_PASSWORD)
        desk.page.wait_for_url("**/admin/")
        return context.storage_state()


@pytest.fixture
def desk(shop: Shop, browser: Browser, signed_in: Any) -> Iterator[Desk]:
    """A browser of an owner who is signed in."""
    with (
        browser.new_context(storage_state=signed_in, viewport=DESK) as context,  # type: ignore[arg-type]
        desk_of(shop, context) as one,
    ):
        yield one


@pytest.fixture
def visitor(shop: Shop, browser: Browser) -> Iterator[Desk]:
    """A browser of somebody who is not signed in."""
    with browser.new_context(viewport=DESK) as context, desk_of(shop, context) as one:  # type: ignore[arg-type]
        yield one


@pytest.fixture
def plain(shop: Shop, browser: Browser, signed_in: Any) -> Iterator[Desk]:
    """A phone of an owner, without scripts."""
    with (
        browser.new_context(
            storage_state=signed_in,
            viewport=PHONE,  # type: ignore[arg-type]
            java_script_enabled=False,
        ) as context,
        desk_of(shop, context) as one,
    ):
        yield one


@pytest.fixture
def place_order(shop: Shop) -> Callable[..., dict[str, Any]]:
    """Places an order: `place_order(shopper, product, pieces)`."""
    keys = itertools.count()

    def place(shopper: Caller, product: dict[str, Any], pieces: int = 1) -> dict[str, Any]:
        wish = {"product_id": product["id"], "quantity": pieces}
        line = shopper.post("/api/order-item/", wish).json()["id"]
        wish = {"delivery_address": f"{next(keys)} Orchard Way\nLagos", "order_item_ids": [line]}
        answer = shopper.post("/api/order/", wish)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    return place


def staff_of(shop: Shop, role: str) -> Caller:
    """Return a new account of that role, signed in."""
    shopper = shop.shopper()
    found = shop.staff.get("/api/user/", params={"search": shopper.username}).json()
    changed = shop.staff.patch(f"/api/user/{found[0]['id']}/", {"role": role})
    assert changed.status_code == 200, changed.text
    return shopper
