"""Who is signed in where, and until when."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import APIResponse, Route, expect

from tests.e2e.app.conftest import ADDRESS, OF_CHANGES, Phone, held, kept, pear
from tests.e2e.conftest import PASSWORD, Shop
from tests.waiting import wait_for


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
    shopper, product, later = shop.shopper(), pear(shop), pear(shop)
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
    mine.add(later)  # which is sent once they are here again
    mine.tab("Account")
    expect(page.get_by_label("Username")).to_have_value(shopper.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    mine.tab("Cart")
    mine.shows(product, 1)
    mine.is_settled()
    assert held(shop.sign_in(shopper.username, PASSWORD)) == {product["id"]: 1, later["id"]: 1}


def test_orders_that_arrive_after_a_sign_out_are_not_kept(
    shop: Shop, phone: Callable[[], Phone]
) -> None:
    shopper, product = shop.shopper(), pear(shop)
    line = shopper.post("/api/order-item/", {"product_id": product["id"], "quantity": 1}).json()
    wish = {"delivery_address": ADDRESS, "order_item_ids": [line["id"]]}
    assert shopper.post("/api/order/", wish).status_code == 201
    mine = phone()
    mine.sign_in(shopper.username)
    late: list[tuple[Route, APIResponse]] = []
    mine.page.route("**/api/order/?**", lambda route: late.append((route, route.fetch())))
    mine.tab("Orders")
    wait_for(lambda: mine.turn() and late, "the answer")
    first, mine.page = mine.page, mine.context.new_page()
    mine.open("/account")
    mine.page.get_by_role("button", name="Sign out").click()
    expect(mine.page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(first.get_by_text("Sign in to see what you ordered.")).to_be_visible()
    [(route, answer)] = late
    assert len(answer.json()) == 1
    with first.expect_response("**/api/order/?**"):
        route.fulfill(response=answer)
    first.evaluate("fetch('/api/category/').then((answer) => answer.text())")  # after the late one
    assert kept(first, "orders") is None


def test_a_token_that_was_stolen_is_of_no_use_after_a_change_of_password(
    shop: Shop, phone: Callable[[], Phone]
) -> None:
    shopper, product = shop.shopper(), pear(shop)
    mine, thief = phone(), phone()
    page = mine.page
    mine.sign_in(shopper.username)
    # The refresh token is a cookie, which scripts cannot read; thieves have other ways.
    cookies: Any = mine.context.cookies()
    thief.context.add_cookies(cookies)
    refresh = f"{thief.url}/api/token/refresh/"
    origin = {"Origin": thief.url}
    assert thief.context.request.post(refresh, data={}, headers=origin).status == 200
    mine.open("/account")
    page.get_by_text("Change password").first.click()
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password").fill(PASSWORD + " anew")
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_text("The password is changed")).to_be_visible()
    assert thief.context.request.post(refresh, data={}, headers=origin).status == 401
    mine.add(product)
    mine.tab("Cart")
    mine.is_settled()
    shopper = shop.sign_in(shopper.username, PASSWORD + " anew")
    assert held(shopper) == {product["id"]: 1}
