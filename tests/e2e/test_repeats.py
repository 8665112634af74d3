"""Cart commands sent twice, or at once: each is done once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Caller, Shop
from tests.e2e.test_cart import CART, REPLAYED, add, assert_refused, cart_of, new_key


class TestRepeat:
    def test_an_add(self, shop: Shop) -> None:
        shopper, key = shop.shopper(), new_key()
        body = {"product_id": shop.product()["id"], "quantity": 2}
        first, again = (shopper.post(CART, body, headers=key) for _ in range(2))
        assert REPLAYED not in first.headers
        assert (again.status_code, again.headers[REPLAYED]) == (201, "true")
        assert again.json() == first.json()
        assert cart_of(shopper) == [first.json()]

    def test_an_add_whose_sum_would_be_too_large(self, shop: Shop) -> None:
        shopper, key = shop.shopper(), new_key()
        body = {"product_id": shop.product()["id"], "quantity": 6_000}
        first, again = (shopper.post(CART, body, headers=key) for _ in range(2))
        assert (again.status_code, again.json()) == (201, first.json())

    def test_an_add_after_the_product_was_deleted(self, shop: Shop) -> None:
        shopper, key, product = shop.shopper(), new_key(), shop.product()
        body = {"product_id": product["id"], "quantity": 2}
        shopper.post(CART, body, headers=key)
        shop.staff.delete(f"/api/product/{product['id']}/")
        again = shopper.post(CART, body, headers=key)
        assert (again.status_code, again.headers.get(REPLAYED)) == (201, "true")

    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_a_change(self, shop: Shop, method: str) -> None:
        """The repeat answers as the first did and does not undo what came between."""
        shopper, key = shop.shopper(), new_key()
        path = f"{CART}{add(shopper, shop.product())['id']}/"
        first = shopper.call(method, path, json={"quantity": 2}, headers=key)
        latest = shopper.patch(path, {"quantity": 3}).json()
        again = shopper.call(method, path, json={"quantity": 2}, headers=key)
        assert (again.status_code, again.headers[REPLAYED]) == (200, "true")
        assert again.json() == first.json()
        assert cart_of(shopper) == [latest]

    def test_a_change_of_a_line_that_is_gone(self, shop: Shop) -> None:
        shopper, key = shop.shopper(), new_key()
        path = f"{CART}{add(shopper, shop.product())['id']}/"
        first = shopper.call("PATCH", path, json={"quantity": 2}, headers=key)
        shopper.delete(path)
        again = shopper.call("PATCH", path, json={"quantity": 2}, headers=key)
        assert (again.status_code, again.headers.get(REPLAYED)) == (200, "true")
        assert again.json() == first.json()

    def test_a_removal(self, shop: Shop) -> None:
        shopper, key = shop.shopper(), new_key()
        path = f"{CART}{add(shopper, shop.product())['id']}/"
        first, again = (shopper.delete(path, headers=key) for _ in range(2))
        assert [first.status_code, again.status_code] == [204, 204]
        assert REPLAYED not in first.headers
        assert again.headers[REPLAYED] == "true"

    def test_a_removal_leaves_a_later_line_alone(self, shop: Shop) -> None:
        shopper, key, product = shop.shopper(), new_key(), shop.product()
        path = f"{CART}{add(shopper, product)['id']}/"
        shopper.delete(path, headers=key)
        later = add(shopper, product)
        shopper.delete(path, headers=key)
        assert cart_of(shopper) == [later]

    def test_the_key_of_another_request_is_refused(self, shop: Shop) -> None:
        shopper, key, product = shop.shopper(), new_key(), shop.product()
        line = shopper.post(CART, {"product_id": product["id"], "quantity": 1}, headers=key).json()
        path = f"{CART}{line['id']}/"
        for answer in (
            shopper.post(CART, {"product_id": product["id"], "quantity": 2}, headers=key),
            shopper.post(CART, {"product_id": product["id"], "quantity": 10_000}, headers=key),
            shopper.call("PUT", path, json={"quantity": 2}, headers=key),
            shopper.delete(path, headers=key),
        ):
            assert_refused(answer, 422, "key_reused")
        assert cart_of(shopper) == [line]

    def test_a_refused_request_does_not_use_up_its_key(self, shop: Shop) -> None:
        shopper, key, product = shop.shopper(), new_key(), shop.product()
        bad = shopper.post(CART, {"product_id": product["id"], "quantity": 0}, headers=key)
        good = shopper.post(CART, {"product_id": product["id"], "quantity": 1}, headers=key)
        assert [bad.status_code, good.status_code] == [400, 201]

    def test_shoppers_choose_their_keys_for_themselves(self, shop: Shop) -> None:
        key, product = new_key(), shop.product()
        for shopper in (shop.shopper(), shop.shopper()):
            body = {"product_id": product["id"], "quantity": 1}
            answer = shopper.post(CART, body, headers=key)
            assert answer.status_code == 201
            assert REPLAYED not in answer.headers


def at_once(shop: Shop, shopper: Caller, bodies: list[dict[str, Any]], **headers: str) -> list[int]:
    """Post bodies to the cart at the same moment, each over a connection of its own."""

    def send(body: dict[str, Any]) -> int:
        with httpx.Client(base_url=shop.http.base_url, timeout=30) as http:
            caller = Caller(http, shopper.username, shopper.tokens)
            return caller.post(CART, body, headers=headers).status_code

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(send, bodies))


class TestAtOnce:
    def test_three_quick_adds_of_three_products_all_stay(self, shop: Shop) -> None:
        shopper = shop.shopper()
        wanted = {shop.product()["id"]: quantity for quantity in (1, 2, 3)}
        bodies = [{"product_id": each, "quantity": n} for each, n in wanted.items()]
        assert at_once(shop, shopper, bodies) == [201] * 3
        assert {x["product"]["id"]: x["quantity"] for x in cart_of(shopper)} == wanted

    def test_three_quick_adds_of_one_product_add_up(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product()
        bodies = [{"product_id": product["id"], "quantity": n} for n in (1, 10, 100)]
        assert at_once(shop, shopper, bodies) == [201] * 3
        assert [line["quantity"] for line in cart_of(shopper)] == [111]

    def test_one_add_sent_thrice_under_one_key_counts_once(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product()
        bodies = [{"product_id": product["id"], "quantity": 5}] * 3
        assert at_once(shop, shopper, bodies, **new_key()) == [201] * 3
        assert [line["quantity"] for line in cart_of(shopper)] == [5]
