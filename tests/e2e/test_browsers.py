"""Pages in a real browser: the shop's own, and other people's that want to use it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import ADMIN_ORIGIN, PASSWORD, Shop

FRIEND, STRANGER = ADMIN_ORIGIN, "http://evil.example"
CALL = """async ([path, options]) => {
    const answer = await fetch(path, options)
    return {status: answer.status, body: await answer.text(), type: answer.type}
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a browser without a past; pages of other sites are empty ones."""
    with browser.new_context() as context:
        for origin in (FRIEND, STRANGER):
            context.route(
                f"{origin}/**", lambda route: route.fulfill(body="<p>", content_type="text/html")
            )
        yield context.new_page()


def _call(page: Page, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
    """Call the shop as a script of the page does."""
    options = {"method": "POST", "headers": {"Content-Type": "application/json"}} | options
    answer: dict[str, Any] = page.evaluate(CALL, [path, options | {"body": json.dumps(body or {})}])
    return answer


def _wish(shop: Shop) -> dict[str, Any]:
    return {"username": shop.shopper().username, "password": PASSWORD, "cookie": True}


def test_the_docs_keep_to_their_own_policy(shop: Shop, page: Page) -> None:
    faults: list[str] = []
    asked: list[str] = []
    own = shop.run["api_url"]
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(own + "/docs")
    page.wait_for_selector("#swagger-ui .opblock", timeout=60_000)
    assert "/api/product/" in page.content()
    assert faults == []
    assert [url for url in asked if not url.startswith((own, "data:"))] == []


def test_a_page_of_the_shop_signs_in_by_cookie(shop: Shop, page: Page) -> None:
    page.goto(shop.run["api_url"] + "/docs")
    signed_in = _call(page, "/api/login/", _wish(shop))
    assert signed_in["status"] == 200
    assert json.loads(signed_in["body"]).keys() == {"access"}
    assert page.evaluate("document.cookie") == ""
    [cookie] = page.context.cookies()
    assert (cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == (True, True, "Strict")
    assert cookie["path"] == "/api/token/"

    renewed = _call(page, "/api/token/refresh/")
    assert renewed["status"] == 200
    token = {"Authorization": f"Bearer {json.loads(renewed['body'])['access']}"}
    assert _call(page, "/api/logout/", headers=token)["status"] == 204
    assert page.context.cookies() == []
    assert _call(page, "/api/token/refresh/")["status"] == 400


def test_the_cookie_is_no_access_token(shop: Shop, page: Page) -> None:
    page.goto(shop.run["api_url"] + "/docs")
    _call(page, "/api/login/", _wish(shop))
    for path in ("/api/logout/", "/api/order/", "/api/password/"):
        assert _call(page, path)["status"] == 401


def test_a_strangers_page_gets_nothing(shop: Shop, page: Page) -> None:
    own = shop.run["api_url"]
    wish = _wish(shop)
    page.goto(own + "/docs")
    _call(page, "/api/login/", wish)
    page.goto(f"{STRANGER}/")
    for path in ("/api/login/", "/api/token/refresh/", "/api/product/"):
        with pytest.raises(Exception, match="Failed to fetch"):
            _call(page, own + path, wish, credentials="include")

    # Without asking first: a form, whose answer the page would not see, but the browser keeps.
    page.context.clear_cookies()
    fields = "".join(f'<input name="{name}" value="{value}">' for name, value in wish.items())
    page.set_content(f'<form method="post" action="{own}/api/login/">{fields}</form>')
    with page.expect_response("**/api/login/") as answered:
        page.evaluate("document.forms[0].submit()")
    assert answered.value.status == 403
    assert answered.value.json()["code"] == "cross_site"
    assert page.context.cookies() == []


def test_a_friends_page_may_call_and_read(shop: Shop, page: Page) -> None:
    own = shop.run["api_url"]
    shopper = shop.shopper()
    page.goto(f"{FRIEND}/")
    wish = {"username": shopper.username, "password": PASSWORD}
    tokens = json.loads(_call(page, f"{own}/api/login/", wish)["body"])
    headers = {"Authorization": f"Bearer {tokens['access']}", "Idempotency-Key": "1"}
    told = page.evaluate(
        """async ([url, headers]) => {
            const answer = await fetch(url, {headers})
            const names = ["etag", "link", "x-total-count"]
            return [answer.status, ...names.map(name => answer.headers.get(name))]
        }""",
        [f"{own}/api/product/?limit=1&offset=0", headers],
    )
    assert told[0] == 200
    assert all(told)


def test_only_friends_are_told_that_they_may(shop: Shop) -> None:
    asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "If-Match"}
    path = "/api/product/1/"
    friend = shop.http.options(path, headers=asked | {"Origin": FRIEND})
    assert friend.headers["Access-Control-Allow-Origin"] == FRIEND
    assert "PATCH" in friend.headers["Access-Control-Allow-Methods"]
    assert "if-match" in friend.headers["Access-Control-Allow-Headers"].lower()
    stranger = shop.http.options(path, headers=asked | {"Origin": STRANGER})
    assert "Access-Control-Allow-Origin" not in stranger.headers
    for answer in (
        shop.http.get("/api/nothing/", headers={"Origin": FRIEND}),
        shop.http.post("/api/login/", content=b"x" * 1_100_000, headers={"Origin": FRIEND}),
    ):
        assert answer.headers["Access-Control-Allow-Origin"] == FRIEND, answer.status_code
    assert "Origin" in shop.http.get("/api/product/").headers["Vary"]


def test_native_clients_see_no_cookie(shop: Shop) -> None:
    shopper = shop.shopper()
    wish = {"username": shopper.username, "password": PASSWORD}
    for answer in (
        shop.http.post("/api/login/", json=wish),
        shop.http.post("/api/login/", data=wish | {"cookie": "false"}),
        shop.http.post("/api/token/refresh/", json={"refresh": shopper.tokens["refresh"]}),
        shopper.post("/api/logout/"),
    ):
        assert answer.is_success, answer.text
        assert "Set-Cookie" not in answer.headers


def test_a_batch_sets_no_cookie(shop: Shop) -> None:
    call = {"method": "POST", "path": "/api/login/", "body": _wish(shop)}
    [answer] = shop.visitor.post("/api/batch/", {"calls": [call]}).json()["answers"]
    assert answer["status"] == 400
    assert answer["body"]["cookie"]


def test_a_name_that_is_not_the_shops_is_refused(shop: Shop) -> None:
    for host in ("elsewhere.example", "127.0.0.1.elsewhere.example", ""):
        answer = shop.http.get("/api/product/", headers={"Host": host})
        assert answer.status_code == 400
        assert re.search("unknown_host|Bad", answer.text)
