"""The cart over HTTP: its lines, whose they are, and what happens when a request is repeated."""

import uuid
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Caller, Shop

CART = "/api/order-item/"
REPLAYED = "Idempotent-Replayed"


def add(caller: Caller, product: dict[str, Any], quantity: int = 1) -> dict[str, Any]:
    """Put a product into the cart."""
    answer = caller.post(CART, {"product_id": product["id"], "quantity": quantity})
    assert answer.status_code == 201, answer.text
    line: dict[str, Any] = answer.json()
    return line


def order(caller: Caller, *lines: dict[str, Any]) -> dict[str, Any]:
    """Order lines of the cart."""
    body = {"delivery_address": "1 Pear St", "order_item_ids": [line["id"] for line in lines]}
    answer = caller.post("/api/order/", body)
    assert answer.status_code == 201, answer.text
    placed: dict[str, Any] = answer.json()
    return placed


def cart_of(caller: Caller) -> list[dict[str, Any]]:
    """The lines in the caller's cart."""
    answer = caller.get(CART)
    assert answer.status_code == 200, answer.text
    lines: list[dict[str, Any]] = answer.json()
    return lines


def new_key() -> dict[str, str]:
    """A header with an idempotency key that nobody has used."""
    return {"Idempotency-Key": uuid.uuid4().hex}


def assert_refused(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == code
    assert answer.json()["detail"]


class TestAdd:
    def test_answers_the_line_with_all_its_members(self, shop: Shop) -> None:
        product, shopper = shop.product(price=250), shop.shopper()
        answer = shopper.post(CART, {"product_id": product["id"], "quantity": 3})
        line = answer.json()
        assert answer.status_code == 201
        assert line == {
            "id": line["id"],
            "product": product,
            "quantity": 3,
            "total_price": 750,
            "user": {"id": line["user"]["id"], "username": shopper.username},
            "created_at": line["created_at"],
            "updated_at": line["updated_at"],
        }
        assert type(line["id"]) is type(line["user"]["id"]) is int
        assert datetime.fromisoformat(line["created_at"]).tzinfo is not None
        assert cart_of(shopper) == [line] == [shopper.get(f"{CART}{line['id']}/").json()]

    def test_a_second_add_raises_the_first_line(self, shop: Shop) -> None:
        product, shopper = shop.product(), shop.shopper()
        first = add(shopper, product, 2)
        second = add(shopper, product, 3)
        assert (second["id"], second["quantity"]) == (first["id"], 5)
        assert cart_of(shopper) == [second]

    def test_tells_nothing_of_the_user_but_name_and_id(self, shop: Shop) -> None:
        shopper = shop.shopper()
        line = add(shopper, shop.product())
        texts = [shopper.get(CART).text, shopper.get(f"{CART}{line['id']}/").text]
        texts.append(shop.staff.get(f"{CART}{line['id']}/").text)
        for text in texts:
            assert shopper.username in text
            assert "password" not in text
            assert "hash" not in text

    @pytest.mark.parametrize("quantity", [1, 10_000])
    def test_the_bounds_are_inside(self, shop: Shop, quantity: int) -> None:
        assert add(shop.shopper(), shop.product(), quantity)["quantity"] == quantity

    @pytest.mark.parametrize(
        "quantity", [0, -1, 10_001, 2**31, 2**63, 2**70, 1.5, True, "x", "", None, [1]], ids=repr
    )
    def test_other_quantities_are_refused(self, shop: Shop, quantity: Any) -> None:
        product, shopper = shop.product(), shop.shopper()
        answer = shopper.post(CART, {"product_id": product["id"], "quantity": quantity})
        assert answer.status_code == 400
        assert answer.json()["quantity"]
        assert cart_of(shopper) == []

    def test_the_bound_holds_for_the_sum(self, shop: Shop) -> None:
        product, shopper = shop.product(), shop.shopper()
        line = add(shopper, product, 9_999)
        answer = shopper.post(CART, {"product_id": product["id"], "quantity": 2})
        assert answer.status_code == 400
        assert answer.json()["quantity"]
        assert cart_of(shopper) == [line]

    @pytest.mark.parametrize("missing", ["product_id", "quantity"])
    def test_a_missing_member_is_named(self, shop: Shop, missing: str) -> None:
        body = {"product_id": shop.product()["id"], "quantity": 1}
        del body[missing]
        answer = shop.shopper().post(CART, body)
        assert answer.status_code == 400
        assert answer.json()[missing]

    def test_an_unknown_product_is_not_found(self, shop: Shop) -> None:
        answer = shop.shopper().post(CART, {"product_id": 1 << 60, "quantity": 1})
        assert_refused(answer, 404, "product_unknown")

    def test_the_total_follows_the_price_that_applies_now(self, shop: Shop) -> None:
        product, shopper = shop.product(price=100), shop.shopper()
        add(shopper, product, 3)
        shop.staff.patch(f"/api/product/{product['id']}/", {"price": 150, "name": "Nashi"})
        [line] = cart_of(shopper)
        assert (line["total_price"], line["product"]["name"]) == (450, "Nashi")


class TestChange:
    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_sets_the_quantity(self, shop: Shop, method: str) -> None:
        shopper = shop.shopper()
        line = add(shopper, shop.product(price=10), 5)
        answer = shopper.call(method, f"{CART}{line['id']}/", json={"quantity": 2})
        changed = answer.json()
        assert answer.status_code == 200
        assert changed == line | {
            "quantity": 2,
            "total_price": 20,
            "updated_at": changed["updated_at"],
        }
        assert changed["updated_at"] > line["updated_at"]
        assert cart_of(shopper) == [changed]

    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_sets_the_product_too(self, shop: Shop, method: str) -> None:
        shopper, other = shop.shopper(), shop.product(name="Nashi")
        line = add(shopper, shop.product(), 5)
        body = {"quantity": 1, "product_id": other["id"]}
        changed = shopper.call(method, f"{CART}{line['id']}/", json=body).json()
        assert (changed["id"], changed["product"], changed["quantity"]) == (line["id"], other, 1)

    def test_two_lines_never_hold_one_product(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product()
        one, two = add(shopper, product), add(shopper, shop.product())
        answer = shopper.patch(f"{CART}{two['id']}/", {"product_id": product["id"]})
        assert_refused(answer, 409, "product_twice")
        assert cart_of(shopper) == [one, two]

    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    @pytest.mark.parametrize("quantity", [0, -5, 10_001, 2**70, 0.5, True, "many"], ids=repr)
    def test_bad_quantities_are_refused(self, shop: Shop, method: str, quantity: Any) -> None:
        shopper = shop.shopper()
        line = add(shopper, shop.product())
        answer = shopper.call(method, f"{CART}{line['id']}/", json={"quantity": quantity})
        assert answer.status_code == 400
        assert answer.json()["quantity"]
        assert cart_of(shopper) == [line]

    def test_put_needs_a_quantity(self, shop: Shop) -> None:
        shopper = shop.shopper()
        line = add(shopper, shop.product())
        answer = shopper.put(f"{CART}{line['id']}/", {"product_id": line["product"]["id"]})
        assert answer.status_code == 400
        assert answer.json()["quantity"]

    def test_an_unknown_product_is_not_found(self, shop: Shop) -> None:
        shopper = shop.shopper()
        line = add(shopper, shop.product())
        answer = shopper.patch(f"{CART}{line['id']}/", {"product_id": 1 << 60})
        assert_refused(answer, 404, "product_unknown")


class TestRemove:
    def test_takes_the_line_out(self, shop: Shop) -> None:
        shopper = shop.shopper()
        gone, kept = add(shopper, shop.product()), add(shopper, shop.product())
        answer = shopper.delete(f"{CART}{gone['id']}/")
        assert (answer.status_code, answer.content) == (204, b"")
        assert cart_of(shopper) == [kept]
        assert_refused(shopper.get(f"{CART}{gone['id']}/"), 404, "line_unknown")
        assert_refused(shopper.delete(f"{CART}{gone['id']}/"), 404, "line_unknown")

    def test_a_line_added_anew_has_another_id(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product()
        first = add(shopper, product, 5)
        shopper.delete(f"{CART}{first['id']}/")
        second = add(shopper, product)
        assert second["id"] != first["id"]
        assert second["quantity"] == 1


def calls_to(caller: Caller, line: dict[str, Any]) -> list[int]:
    """The statuses of every call to one line, the deletion last."""
    path = f"{CART}{line['id']}/"
    body = {"quantity": 7}
    calls = caller.get(path), caller.put(path, body), caller.patch(path, body), caller.delete(path)
    return [answer.status_code for answer in calls]


class TestWho:
    def test_nobody_without_signing_in(self, shop: Shop) -> None:
        line = add(shop.shopper(), shop.product())
        body = {"product_id": line["product"]["id"], "quantity": 1}
        assert calls_to(shop.visitor, line) == [401] * 4
        assert shop.visitor.get(CART).status_code == 401
        assert shop.visitor.post(CART, body).status_code == 401

    def test_someone_elses_line_is_not_there(self, shop: Shop) -> None:
        owner = shop.shopper()
        line = add(owner, shop.product())
        stranger = shop.shopper()
        assert calls_to(stranger, line) == [404] * 4
        assert cart_of(stranger) == []
        assert cart_of(owner) == [line]

    def test_staff_may_see_change_and_remove_any_line(self, shop: Shop) -> None:
        owner, staff = shop.shopper(), shop.staff
        line = add(owner, shop.product())
        path = f"{CART}{line['id']}/"
        assert staff.get(path).json() == line
        assert staff.put(path, {"quantity": 4}).json()["user"] == line["user"]
        assert staff.patch(path, {"quantity": 5}).status_code == 200
        assert cart_of(owner)[0]["quantity"] == 5
        assert staff.delete(path).status_code == 204
        assert cart_of(owner) == []

    def test_an_ordered_line_is_gone_for_its_owner(self, shop: Shop) -> None:
        owner = shop.shopper()
        line = add(owner, shop.product())
        order(owner, line)
        assert cart_of(owner) == []
        assert calls_to(owner, line) == [404] * 4

    def test_and_there_for_staff(self, shop: Shop) -> None:
        owner = shop.shopper()
        line = add(owner, shop.product(), 2)
        placed = order(owner, line)
        answer = shop.staff.get(f"{CART}{line['id']}/")
        assert (answer.status_code, answer.json()) == (200, placed["order_items"][0])

    def test_staff_list_lines_of_carts_and_orders(self, shop: Shop) -> None:
        owner = shop.shopper()
        ordered, waiting = add(owner, shop.product()), add(owner, shop.product())
        order(owner, ordered)
        mine = [each for each in listed_lines(shop) if each["user"] == waiting["user"]]
        assert [each["id"] for each in mine] == [waiting["id"], ordered["id"]]

    def test_staff_page_through_all_lines(self, shop: Shop) -> None:
        """Carts and orders are merged: pages have neither gap nor repeat."""
        owner = shop.shopper()
        lines = [add(owner, shop.product()) for _ in range(6)]
        order(owner, *lines[::2])
        seen = [each["id"] for each in listed_lines(shop, limit=2, until=lines[0]["id"])]
        assert seen == sorted(set(seen), reverse=True)
        assert {line["id"] for line in lines} <= set(seen)


def listed_lines(shop: Shop, limit: int = 500, until: int = 0) -> list[dict[str, Any]]:
    """The lines that staff are shown, page by page, as far as the line `until`."""
    staff, found = shop.staff, list[dict[str, Any]]()
    path: str | None = f"{CART}?limit={limit}"
    while path and not (found and found[-1]["id"] <= until):
        answer = staff.get(path)
        assert answer.status_code == 200, answer.text
        found += answer.json()
        path = answer.links.get("next", {}).get("url")
    return found


class TestBodies:
    @pytest.mark.parametrize("slash", ["/", ""], ids=["slash", "no slash"])
    @pytest.mark.parametrize("kind", ["json", "data", "files"])
    def test_every_format_with_and_without_slash(self, shop: Shop, kind: str, slash: str) -> None:
        shopper = shop.shopper()

        def send(method: str, path: str, **members: int) -> dict[str, Any]:
            body: Any = members
            if kind == "files":
                body = {name: (None, str(value)) for name, value in members.items()}
            answer = shopper.call(method, path + slash, **{kind: body})
            assert answer.is_success, answer.text
            line: dict[str, Any] = answer.json()
            return line

        line = send("POST", "/api/order-item", product_id=shop.product()["id"], quantity=2)
        path = f"{CART}{line['id']}"
        assert line["quantity"] == 2
        assert send("PUT", path, quantity=3)["quantity"] == 3
        assert send("PATCH", path, quantity=4)["quantity"] == 4
        assert shopper.get("/api/order-item" + slash).json()[0]["quantity"] == 4
        assert shopper.get(path + slash).status_code == 200
        assert shopper.delete(path + slash).status_code == 204
