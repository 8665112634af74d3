"""Networks that go away and come back: nothing is lost, nothing is done twice."""

import json
import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Error, Request, Route, expect

from tests.e2e.app.conftest import (
    ADDRESS,
    EMULATED,
    OF_CHANGES,
    OF_ORDERS,
    Phone,
    held,
    pear,
)
from tests.e2e.conftest import PASSWORD, STAFF_PASSWORD, Shop, free_port
from tests.faults.plant import Plant
from tests.waiting import wait_for


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


def kind_of(request: Request) -> str:
    """Return what a write does, in a word or two; of a batch, its first call."""
    method, path = request.method, urlsplit(request.url).path
    if path == "/api/batch/":
        first = (request.post_data_json or {})["calls"][0]
        method, path = first.get("method", "GET"), first["path"]
    return f"{method} {re.sub(r'[0-9]+', '<id>', path)}"


def cut_each_once(phone: Phone, *, done: bool) -> list[str]:
    """Lose the first request of each kind that writes, or `done`: its answer. Returns the kinds."""
    cut: list[str] = []

    def handle(route: Route) -> None:
        kind = kind_of(route.request)
        if route.request.method == "GET" or kind in cut:
            route.fallback()
            return
        cut.append(kind)
        if done:
            route.fetch()
        route.abort("connectionreset")

    phone.page.route("**/api/**", handle)
    return cut


@pytest.mark.parametrize("done", [False, True], ids=["requests are lost", "answers are lost"])
def test_each_write_of_a_journey_is_cut_off_once(
    shop: Shop, phone: Callable[[], Phone], done: bool
) -> None:
    product, other = pear(shop, stock=9), pear(shop, stock=9)
    mine = phone()
    page = mine.page
    cut = cut_each_once(mine, done=done)
    mine.add(product)
    mine.add(other)
    mine.tab("Cart")
    mine.shows(product, 1)
    mine.shows(other, 1)
    mine.is_settled()
    page.get_by_label(f"One more of {product['name']}").click()
    mine.is_settled()
    page.get_by_label(f"Remove {other['name']}").click()
    mine.is_settled()
    mine.shows(product, 2)
    page.get_by_role("link", name="Checkout").click()
    page.get_by_role("link", name="Sign in or sign up").click()
    page.get_by_role("button", name="I am new here").click()
    username = f"cut-{os.urandom(4).hex()}"
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    page.get_by_label("Delivery address").fill(ADDRESS)
    page.get_by_role("button", name="Order for").click()
    expect(page.get_by_role("heading", name="Thank you!")).to_be_visible()
    page.get_by_role("button", name="Cancel the order").click()
    expect(page.get_by_label("Where it is")).to_contain_text("cancelled")

    tablet = shop.sign_in(username, PASSWORD)
    mine.open("/account")  # which renews the access token
    ends = page.get_by_role("button", name="End the session")
    ends.first.wait_for()
    for left in reversed(range(ends.count())):  # a sign-in whose answer was lost is one more
        ends.first.click()
        expect(ends).to_have_count(left)
    assert tablet.post("/api/token/refresh/", {"refresh": tablet.tokens["refresh"]}).is_error
    page.get_by_text("Change password").first.click()
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password").fill(PASSWORD + " anew")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("The password is changed")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    assert set(cut) == {
        *("POST /api/guest/", "POST /api/order-item/", "PATCH /api/order-item/<id>/"),
        *("DELETE /api/order-item/<id>/", "POST /api/register/", "POST /api/login/"),
        *("POST /api/cart/merge/", "POST /api/order/", "POST /api/order/<id>/cancel/"),
        *("POST /api/token/refresh/", "DELETE /api/session/<id>/", "POST /api/password/"),
        "POST /api/logout/",
    }
    shopper = shop.sign_in(username, PASSWORD + " anew")
    [order] = shopper.get("/api/order/").json()
    assert [(line["product"]["id"], line["quantity"]) for line in order["order_items"]] == [
        (product["id"], 2)
    ]
    assert held(shopper) == {}
    for each in (product, other):
        assert shop.visitor.get(f"/api/product/{each['id']}/").json()["stock"] == 9


def test_a_busy_shop_is_asked_again_when_it_said(shop: Shop, phone: Callable[[], Phone]) -> None:
    shopper, product = shop.shopper(), pear(shop)
    mine = phone()
    mine.sign_in(shopper.username)
    mine.open(f"/product/{product['id']}")
    asked: list[float] = []

    def busy(route: Route) -> None:
        asked.append(time.monotonic())
        if len(asked) > 1:
            route.fallback()
            return
        problem = json.dumps({"detail": "The shop is busy.", "code": "unavailable"})
        route.fulfill(status=503, headers={"Retry-After": "2"}, body=problem)

    mine.page.route(OF_CHANGES, busy)
    mine.page.get_by_role("button", name="Add to cart").click()
    wait_for(lambda: mine.turn() and held(shopper) == {product["id"]: 1}, "the change")
    assert asked[1] - asked[0] >= 2


def test_a_shop_that_does_not_answer_is_given_up_clearly(
    shop: Shop, phone: Callable[[], Phone]
) -> None:
    mine = phone()
    page = mine.page
    mine.open()
    page.get_by_role("link").filter(has=page.locator(".price")).first.wait_for()
    page.route("**/api/**", lambda route: route.abort("connectionrefused"))
    page.get_by_label("Search the shop").fill("whatever")
    expect(page.get_by_text("the shop cannot be reached")).to_be_visible(timeout=30_000)
    expect(page.locator("#status")).to_have_text("Offline")
    page.unroute("**/api/**")
    page.get_by_label("Search the shop").fill("")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("a.card").first).to_be_visible()
    expect(page.locator("#status")).not_to_have_text("Offline")


def test_a_shop_that_is_killed_during_checkout_takes_the_order_once(
    tmp_path: Path, browser: Browser
) -> None:
    plant = Plant(tmp_path / "shop", free_port(), {"PEARSHOP_STAFF_PASSWORD": STAFF_PASSWORD})
    plant.up()
    try:
        with httpx.Client(base_url=plant.url, timeout=30) as http:
            account = {"username": "ada", "password": PASSWORD}
            assert http.post("/api/register/", json=account).status_code == 201
            name = plant.run.staff_username
            staff = http.post("/api/login/", json={"username": name, "password": STAFF_PASSWORD})
            headers = {"Authorization": f"Bearer {staff.json()['access']}"}
            pear = {"name": "Pear", "price": 250, "image": "", "description": "", "stock": 5}
            product = http.post("/api/product/", json=pear, headers=headers).json()
        with browser.new_context(**EMULATED) as context:
            context.set_default_timeout(60_000)
            mine = Phone(plant.url, context)
            mine.sign_in("ada")
            mine.add(product, 2)
            mine.tab("Cart")
            mine.is_settled()
            mine.page.get_by_role("link", name="Checkout").click()
            mine.page.get_by_label("Delivery address").fill(ADDRESS)
            killed: list[bool] = []

            def kill(route: Route) -> None:
                if not killed:
                    killed.append(True)
                    threading.Timer(0.01, plant.kill_everything).start()
                    with suppress(Error):  # it may still be done, nobody will know
                        route.fetch()
                    route.abort("connectionreset")
                else:
                    route.fallback()

            mine.page.route(OF_ORDERS, kill)
            mine.page.get_by_role("button", name="Order for").click()
            expect(mine.page.get_by_text("Your order is kept")).to_be_visible(timeout=90_000)
            plant.up()
            thanks = mine.page.get_by_role("heading", name="Thank you!")
            mine.page.get_by_role("button", name="Try again").or_(thanks).first.click()
            expect(thanks).to_be_visible(timeout=60_000)
            assert mine.faults == []
        with httpx.Client(base_url=plant.url, timeout=30) as http:
            access = http.post("/api/login/", json=account).json()["access"]
            headers = {"Authorization": f"Bearer {access}"}
            [order] = http.get("/api/order/", headers=headers).json()
            assert order["total_price"] == 500
            assert http.get("/api/cart/", headers=headers).json()["lines"] == []
            assert http.get(f"/api/product/{product['id']}/").json()["stock"] == 3
    finally:
        plant.down()
