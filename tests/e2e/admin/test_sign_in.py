"""Signing in and out of the staff admin."""

import re

from tests.e2e.admin.conftest import Desk, staff_of
from tests.e2e.conftest import PASSWORD, STAFF_PASSWORD, Shop
from tests.waiting import wait_for

TOKENS = ("pearshop_admin_access", "pearshop_admin_refresh")


def test_it_leads_to_the_page_that_was_asked_for(visitor: Desk) -> None:
    visitor.open("/product/?search=pear")
    assert visitor.heading() == "Sign in"
    visitor.sign_in(visitor.shop.run["staff_username"], "not the password")
    visitor.page.get_by_text("The username or the password is wrong.").wait_for()
    assert visitor.page.get_by_label("Username").input_value() == "staff"
    visitor.sign_in(visitor.shop.run["staff_username"], STAFF_PASSWORD)
    visitor.page.wait_for_url("**/admin/product/?search=pear")


def test_no_script_can_read_the_tokens(desk: Desk) -> None:
    desk.open("/order/")
    assert not set(TOKENS) & set(re.split(r"[=; ]+", desk.page.evaluate("document.cookie")))
    kept = {each["name"]: each for each in desk.page.context.cookies()}
    for name in TOKENS:
        assert kept[name]["httpOnly"]
        assert kept[name]["sameSite"] == "Strict"
        assert kept[name]["path"] == "/admin"


def test_a_shopper_is_told_that_this_is_not_for_them(visitor: Desk) -> None:
    visitor.open("/")
    visitor.sign_in(visitor.shop.shopper().username, PASSWORD)
    visitor.page.get_by_text("This account is a shopper's.").wait_for()
    assert not [each for each in visitor.page.context.cookies() if each["name"] in TOKENS]


def test_an_access_token_that_is_gone_or_no_good_is_renewed_silently(desk: Desk) -> None:
    context = desk.page.context
    for value in (None, "no.good.token"):
        kept = next(each for each in context.cookies() if each["name"] == TOKENS[0])
        context.clear_cookies(name=TOKENS[0])
        if value is not None:
            context.add_cookies([{**kept, "value": value}])  # type: ignore[typeddict-item]
        desk.open("/order/")
        assert desk.heading() == "Orders"
        now = next(each for each in context.cookies() if each["name"] == TOKENS[0])
        assert now["value"].count(".") == 2
        assert now["value"] != value


def test_sign_out_revokes(visitor: Desk, shop: Shop) -> None:
    caller = staff_of(shop, "editor")
    visitor.open("/")
    visitor.sign_in(caller.username, PASSWORD)
    visitor.page.wait_for_url("**/admin/")
    stolen = visitor.page.context.cookies()
    visitor.press("Sign out")
    visitor.page.get_by_text("You are signed out.").wait_for()
    visitor.page.context.add_cookies(stolen)  # type: ignore[arg-type]
    visitor.open("/order/")
    visitor.page.get_by_text("Your session is over.").wait_for()


def test_who_is_deactivated_while_at_work_is_asked_to_sign_in(visitor: Desk, shop: Shop) -> None:
    caller = staff_of(shop, "editor")
    visitor.open("/")
    visitor.sign_in(caller.username, PASSWORD)
    visitor.page.wait_for_url("**/admin/")
    found = shop.staff.get("/api/user/", params={"search": caller.username}).json()
    shop.staff.patch(f"/api/user/{found[0]['id']}/", {"active": False})

    def asked() -> bool:
        visitor.page.reload()
        return visitor.heading() == "Sign in"

    wait_for(asked, "the question to sign in", 10)


def test_a_link_from_elsewhere_finds_them_signed_in(desk: Desk) -> None:
    page = desk.page
    page.route(
        "http://mail.example/**",
        lambda route: route.fulfill(
            body=f'<a href="{desk.root}/product/">here</a>', content_type="text/html"
        ),
    )
    page.goto("http://mail.example/")
    desk.faults.clear()
    page.get_by_role("link", name="here").click()
    page.wait_for_url("**/admin/product/")
    page.get_by_role("heading", name="Products").wait_for()


def test_a_form_of_another_site_does_nothing(desk: Desk, shop: Shop) -> None:
    product = shop.product(name="Not yours to hide")
    page = desk.page
    page.route(
        "http://evil.example/**",
        lambda route: route.fulfill(
            body=f'<form method=post action="{desk.root}/product/{product["id"]}/hide"></form>',
            content_type="text/html",
        ),
    )
    page.goto("http://evil.example/")
    desk.faults.clear()
    with page.expect_response("**/hide") as answered:
        page.evaluate("document.forms[0].submit()")
    assert answered.value.status == 403
    assert shop.http.get(f"/api/product/{product['id']}/").status_code == 200


def test_sign_in_leads_nowhere_else(visitor: Desk) -> None:
    for path in ("https://evil.example/", "//evil.example/", "/admin/\\evil.example", "/api/me/"):
        visitor.open(f"/sign-in?next={path}")
        field = visitor.page.locator("input[name=next]")
        assert field.input_value() == "/admin/"


def test_other_names_than_the_shops_are_refused(shop: Shop) -> None:
    answer = shop.http.get("/admin/sign-in", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "PEARSHOP_ALLOWED_HOSTS" in answer.text


def test_pages_are_kept_by_nobody_and_files_for_ever(shop: Shop) -> None:
    page = shop.http.get("/admin/sign-in")
    assert page.headers["Cache-Control"] == "private, no-store"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    style = re.search(r'href="([^"]+\.css)"', page.text)
    assert style
    kept = shop.http.get(style[1])
    assert "immutable" in kept.headers["Cache-Control"]
    assert kept.headers["Content-Type"].startswith("text/css")
    old = shop.http.get(re.sub(r"/static/\w+/", "/static/0123/", style[1]))
    assert old.headers["Cache-Control"] == "no-cache"
    assert shop.http.get("/admin/static/0123/..%2fapp.py").status_code == 404
