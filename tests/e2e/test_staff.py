"""What staff may do by their role, over HTTP."""

import itertools
from typing import Any

import pytest

from tests.e2e.conftest import PASSWORD, Caller, Shop
from tests.e2e.test_orders import ORDERS, wish
from tests.waiting import wait_for

NAMES = itertools.count()


def account(shop: Shop, caller: Caller) -> dict[str, Any]:
    """Return somebody's account as staff see it."""
    [found] = shop.staff.get(f"/api/user/?search={caller.username}&limit=1").json()
    assert isinstance(found, dict)
    return found


def employ(shop: Shop, role: str) -> Caller:
    """Return a new account of that role, signed in."""
    made = shop.shopper()
    path = f"/api/user/{account(shop, made)['id']}/"
    assert shop.staff.patch(path, {"role": role}).json()["role"] == role
    return shop.sign_in(made.username, PASSWORD)


@pytest.fixture(scope="module")
def viewer(shop: Shop) -> Caller:
    return employ(shop, "viewer")


@pytest.fixture(scope="module")
def editor(shop: Shop) -> Caller:
    return employ(shop, "editor")


@pytest.fixture
def order(shop: Shop) -> tuple[Caller, dict[str, Any], dict[str, Any]]:
    """A shopper, what they ordered, and the order."""
    shopper, product = shop.shopper(), shop.product(name="Counted pear", stock=5)
    line = shopper.post("/api/order-item/", {"product_id": product["id"], "quantity": 2}).json()
    return shopper, product, shopper.post(ORDERS, wish(line)).json()


def stock(shop: Shop, product: dict[str, Any]) -> int:
    left = shop.http.get(f"/api/product/{product['id']}/").json()["stock"]
    assert isinstance(left, int)
    return left


def test_everyone_is_told_who_they_are(shop: Shop, viewer: Caller) -> None:
    assert viewer.get("/api/me/").json()["role"] == "viewer"
    assert shop.shopper().get("/api/me/").json()["role"] == "shopper"
    assert shop.staff.get("/api/me/").json()["role"] == "owner"
    assert shop.visitor.get("/api/me/").status_code == 401


def test_a_viewer_sees_all_and_changes_nothing(
    shop: Shop, viewer: Caller, order: tuple[Caller, dict[str, Any], dict[str, Any]]
) -> None:
    _, product, placed = order
    for path in (ORDERS, f"{ORDERS}{placed['id']}/", "/api/user/", "/api/audit/"):
        assert viewer.get(path).status_code == 200, path
    refused = (
        viewer.patch(f"/api/product/{product['id']}/", {"price": 1}),
        viewer.post("/api/product/", {"name": "Pear", "price": 1}),
        viewer.delete(f"/api/product/{product['id']}/"),
        viewer.patch(f"{ORDERS}{placed['id']}/", {"status": "packed"}),
        viewer.patch(f"/api/user/{placed['user']['id']}/", {"role": "owner"}),
        viewer.delete(f"/api/user/{placed['user']['id']}/sessions/"),
    )
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (403, "role_lacks")


def test_an_editor_decides_about_nobody(shop: Shop, editor: Caller) -> None:
    path = f"/api/user/{account(shop, shop.shopper())['id']}/"
    for answer in (editor.patch(path, {"active": False}), editor.delete(f"{path}sessions/")):
        assert (answer.status_code, answer.json()["code"]) == (403, "role_lacks")


def test_shoppers_see_none_of_it(
    shop: Shop, order: tuple[Caller, dict[str, Any], dict[str, Any]]
) -> None:
    shopper, _, placed = order
    asked = "/api/product/?%68idden=true"  # likewise, in other words
    for path in ("/api/user/", "/api/audit/", "/api/product/?hidden=true", asked):
        assert shopper.get(path).json()["code"] == "staff_only"
        assert shop.visitor.get(path).status_code == 401
    answer = shopper.patch(f"{ORDERS}{placed['id']}/", {"status": "packed"})
    assert answer.json()["code"] == "staff_only"


def test_an_order_moves_on_and_its_shopper_sees_it(
    shop: Shop, editor: Caller, order: tuple[Caller, dict[str, Any], dict[str, Any]]
) -> None:
    shopper, _, placed = order
    assert (placed["status"], [each["status"] for each in placed["events"]]) == (
        "placed",
        ["placed"],
    )
    path = f"{ORDERS}{placed['id']}/"
    moved = editor.patch(path, {"status": "packed"})
    assert moved.status_code == 200
    assert shopper.get(path).json() == moved.json()
    refused = shopper.post(f"{path}cancel/")
    assert (refused.status_code, refused.json()["code"]) == (409, "order_status")
    skipped = editor.patch(path, {"status": "delivered"})
    assert (skipped.status_code, skipped.json()["possible"]) == (409, ["shipped", "cancelled"])
    assert editor.patch(path, {"status": "lost"}).status_code == 400
    [entry] = shop.staff.get(f"/api/audit/?subject=order&subject_id={placed['id']}").json()
    assert (entry["action"], entry["user"]["username"]) == ("order.packed", editor.username)


def test_a_cancelled_order_restocks_once(
    shop: Shop, order: tuple[Caller, dict[str, Any], dict[str, Any]]
) -> None:
    shopper, product, placed = order
    path = f"{ORDERS}{placed['id']}/cancel/"
    assert shop.shopper().post(path).status_code == 404
    assert shopper.post(path).json()["status"] == "cancelled"
    assert shopper.post(path).json()["status"] == "cancelled"
    wait_for(lambda: stock(shop, product) == 5, "the stock to be back")


def test_orders_are_filtered_for_staff(
    shop: Shop, order: tuple[Caller, dict[str, Any], dict[str, Any]]
) -> None:
    shopper, product, placed = order
    for query in (
        f"search={shopper.username}",
        f"user={placed['user']['id']}&status=placed",
        f"product={product['id']}",
        f"search={placed['id']}&since={placed['created_at']}",
    ):
        found = shop.staff.get(f"{ORDERS}?{query}").json()
        assert [each["id"] for each in found] == [placed["id"]], query
    assert shop.staff.get(f"{ORDERS}?product={product['id']}&status=packed").json() == []
    # What shoppers ask for, they ask of their own.
    assert shop.shopper().get(f"{ORDERS}?user={placed['user']['id']}").json() == []
    assert shop.staff.get(f"{ORDERS}?since=2026-01-01").status_code == 400
    for path in (ORDERS, f"{ORDERS}export/", "/api/audit/"):
        far = {"until": "1256-10-24T00:31:36-17:17"}  # an offset that PostgreSQL does not know
        assert shop.staff.get(path, params=far).status_code == 200
        early = {"since": "0001-01-01T00:00:00+01:00"}
        assert shop.staff.get(path, params=early).status_code == 400


def test_staff_see_a_cart_as_it_is(shop: Shop, viewer: Caller, editor: Caller) -> None:
    shopper, product = shop.shopper(), shop.product()
    line = shopper.post("/api/order-item/", {"product_id": product["id"], "quantity": 2}).json()
    user = line["user"]["id"]
    assert viewer.get(f"/api/order-item/?user={user}").json() == [line]
    assert shop.shopper().get(f"/api/order-item/?user={user}").json() == []
    path = f"/api/order-item/{line['id']}/"
    assert viewer.patch(path, {"quantity": 3}).status_code == 403
    assert editor.patch(path, {"quantity": 3}).status_code == 200
    [entry] = shop.staff.get(f"/api/audit/?subject=cart&subject_id={user}").json()
    assert (entry["action"], entry["user"]["username"]) == ("cart.line_change", editor.username)


def test_whoever_is_deactivated_is_out_at_once(shop: Shop) -> None:
    shopper = shop.shopper()
    path = f"/api/user/{account(shop, shopper)['id']}/"
    assert shop.staff.patch(path, {"active": False}).json()["active"] is False
    wait_for(lambda: shopper.get("/api/me/").status_code == 401, "the end of the session")
    body = {"username": shopper.username, "password": PASSWORD}
    assert shop.http.post("/api/login/", json=body).status_code == 401
    shop.staff.patch(path, {"active": True})
    assert shop.http.post("/api/login/", json=body).status_code == 200


def test_the_last_owner_stays(shop: Shop) -> None:
    me = shop.staff.get("/api/me/").json()["id"]
    for each in shop.staff.get("/api/user/?role=owner").json():  # other tests may have made some
        if each["id"] != me:
            shop.staff.patch(f"/api/user/{each['id']}/", {"role": "shopper"})
    answer = shop.staff.patch(f"/api/user/{me}/", {"role": "viewer"})
    assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")


def test_what_is_off_sale_is_seen_and_restored(shop: Shop, editor: Caller) -> None:
    product = shop.product(name="Hidden pear", category=f"hidden-{next(NAMES)}")
    path = f"/api/product/{product['id']}/"
    assert editor.delete(path).status_code == 204
    assert editor.get(path).status_code == 404
    shown = editor.get(f"{path}?hidden=true")
    assert shown.json()["hidden"] is True
    listed = editor.get(f"/api/product/?hidden=true&category={product['category']}").json()
    assert [each["id"] for each in listed] == [product["id"]]
    assert editor.patch(path, {"price": 1}).status_code == 404
    tag = {"If-Match": shown.headers["ETag"]}
    restored = editor.call("PATCH", path, json={"hidden": False}, headers=tag)
    assert restored.status_code == 200
    wait_for(lambda: shop.http.get(path).status_code == 200, "the product to be on sale")


def test_anyone_is_told_the_currency(shop: Shop) -> None:
    assert shop.http.get("/api/shop/").json() == {"currency": "NGN", "currency_exponent": 0}
    assert shop.http.get("/api/shop/?fields=currency").json() == {"currency": "NGN"}


def test_many_products_are_changed_after_a_preview(
    shop: Shop, viewer: Caller, editor: Caller
) -> None:
    category = f"bulk-{next(NAMES)}"
    made = [shop.product(category=category, price=price) for price in (100, 200)]
    path = "/api/product/bulk/"
    wish = {"in_category": category, "price_percent": "-12.5"}
    assert viewer.post(path, wish).json()["code"] == "role_lacks"
    seen = editor.post(path, wish | {"preview": True}).json()
    assert [each["after"] for each in seen["edits"]] == [{"price": 88}, {"price": 175}]
    assert shop.http.get(f"/api/product/{made[0]['id']}/").json()["price"] == 100
    shop.staff.patch(f"/api/product/{made[1]['id']}/", {"price": 300})
    late = editor.post(path, wish | {"version": seen["version"]})
    assert (late.status_code, late.json()["code"]) == (412, "overtaken")
    done = editor.post(path, {"ids": [made[0]["id"]], "price_percent": 10}).json()
    assert (done["chosen"], done["changed"]) == (1, 1)

    def is_shown() -> bool:
        listed = shop.http.get(f"/api/product/?category={category}").json()
        return sorted(each["price"] for each in listed) == [110, 300]

    wait_for(is_shown, "the new price in the list")
    assert editor.post(path, {"ids": [1]}).status_code == 400
    assert editor.post(path, {"ids": [1], "price_percent": -100}).status_code == 400
