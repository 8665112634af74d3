"""Orders over HTTP: what is charged, what is refused, and a rush for the last pieces."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Caller, Shop
from tests.e2e.test_cart import REPLAYED, add, assert_refused, cart_of, new_key, order

ORDERS = "/api/order/"
IDS: list[Any] = [[], None, 5, "5", {}, [0], [-1], [2**63], [True], [1.5], ["x"], [[1]]]
BAD: dict[str, list[Any]] = {
    "order_item_ids": [*IDS, list(range(1, 1_002))],
    "delivery_address": ["", "  ", None, 5, ["x"], "x" * 2_001],
    "expected_total_price": [-1, "x", 1.5, True],
}


def wish(*lines: dict[str, Any], **members: Any) -> dict[str, Any]:
    """The body that orders these lines."""
    ids = [line["id"] for line in lines]
    return {"delivery_address": "1 Pear St", "order_item_ids": ids} | members


def orders_of(caller: Caller) -> list[dict[str, Any]]:
    """The orders that the caller is shown."""
    answer = caller.get(ORDERS)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


class TestPlace:
    def test_answers_the_order_with_all_its_members(self, shop: Shop) -> None:
        shopper, pear, nashi = shop.shopper(), shop.product(price=250), shop.product(price=3)
        lines = [add(shopper, pear, 2), add(shopper, nashi, 5)]
        answer = shopper.post(ORDERS, wish(*lines))
        placed = answer.json()
        assert answer.status_code == 201
        assert placed == {
            "id": placed["id"],
            "user": lines[0]["user"],
            "delivery_address": "1 Pear St",
            "order_items": [
                line | {"updated_at": sold["updated_at"]}
                for line, sold in zip(lines, placed["order_items"], strict=True)
            ],
            "total_price": 515,
            "status": "placed",
            "events": [{"status": "placed", "created_at": placed["created_at"]}],
            "created_at": placed["created_at"],
            "updated_at": placed["updated_at"],
        }
        assert [placed] == orders_of(shopper)
        assert shopper.get(f"{ORDERS}{placed['id']}/").json() == placed

    def test_takes_those_lines_out_of_the_cart_and_no_others(self, shop: Shop) -> None:
        shopper = shop.shopper()
        bought, kept = add(shopper, shop.product()), add(shopper, shop.product())
        order(shopper, bought)
        assert cart_of(shopper) == [kept]

    def test_takes_what_was_sold_out_of_stock(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product(stock=5)
        order(shopper, add(shopper, product, 3))
        assert shop.visitor.get(f"/api/product/{product['id']}/").json()["stock"] == 2

    def test_tells_nothing_of_the_user_but_name_and_id(self, shop: Shop) -> None:
        shopper = shop.shopper()
        placed = order(shopper, add(shopper, shop.product()))
        for caller in (shopper, shop.staff):
            for path in (ORDERS, f"{ORDERS}{placed['id']}/"):
                text = caller.get(path).text
                assert shopper.username in text
                assert "password" not in text
                assert "hash" not in text

    def test_a_line_named_twice_is_sold_once(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product(price=10, stock=5)
        line = add(shopper, product, 2)
        answer = shopper.post(ORDERS, wish(line, line))
        assert answer.status_code == 201
        assert len(answer.json()["order_items"]) == 1
        assert answer.json()["total_price"] == 20
        assert shop.visitor.get(f"/api/product/{product['id']}/").json()["stock"] == 3

    def test_a_cart_can_be_filled_and_ordered_again(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product()
        first = order(shopper, add(shopper, product))
        second = order(shopper, add(shopper, product))
        assert [each["id"] for each in orders_of(shopper)] == [second["id"], first["id"]]


class TestCharged:
    @pytest.mark.parametrize(
        "happen",
        [
            lambda staff, path: staff.patch(path, {"price": 999, "name": "Gold"}),
            lambda staff, path: staff.put(path, {"name": "Gold", "price": 0}),
            lambda staff, path: staff.delete(path),
        ],
        ids=["patched", "replaced", "deleted"],
    )
    def test_never_changes_afterwards(
        self, shop: Shop, happen: Callable[[Caller, str], httpx.Response]
    ) -> None:
        shopper, product = shop.shopper(), shop.product(price=40)
        placed = order(shopper, add(shopper, product, 2))
        assert happen(shop.staff, f"/api/product/{product['id']}/").is_success
        now = shopper.get(f"{ORDERS}{placed['id']}/").json()
        assert now["total_price"] == 80
        [line] = now["order_items"]
        assert (line["total_price"], line["quantity"]) == (80, 2)
        assert (line["product"]["name"], line["product"]["price"]) == ("Pear", 40)
        assert line["product"]["id"] == product["id"]
        assert orders_of(shopper) == [now]

    def test_is_the_price_of_the_order_and_not_of_the_add(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product(price=40)
        line = add(shopper, product)
        shop.staff.patch(f"/api/product/{product['id']}/", {"price": 50})
        assert order(shopper, line)["total_price"] == 50


class TestRefusals:
    """A refusal leaves cart, stock and orders as they were."""

    def assert_untouched(self, shopper: Caller, *lines: dict[str, Any]) -> None:
        assert [(x["id"], x["quantity"]) for x in cart_of(shopper)] == [
            (line["id"], line["quantity"]) for line in lines
        ]
        assert orders_of(shopper) == []

    def test_too_little_left_tells_how_many(self, shop: Shop) -> None:
        shopper, scarce = shop.shopper(), shop.product(stock=2)
        plenty, short = add(shopper, shop.product(stock=9)), add(shopper, scarce, 3)
        answer = shopper.post(ORDERS, wish(plenty, short))
        assert_refused(answer, 409, "out_of_stock")
        assert answer.json()["lines"] == [
            {
                "order_item_id": short["id"],
                "product_id": scarce["id"],
                "reason": "out_of_stock",
                "available": 2,
            }
        ]
        self.assert_untouched(shopper, plenty, short)
        left = shop.visitor.get(f"/api/product/{plenty['product']['id']}/").json()
        assert left["stock"] == 9

    def test_nothing_left(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product(stock=0)
        line = add(shopper, product)
        answer = shopper.post(ORDERS, wish(line))
        assert_refused(answer, 409, "out_of_stock")
        assert answer.json()["lines"][0]["available"] == 0

    def test_a_product_that_is_gone(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product()
        kept, gone = add(shopper, shop.product()), add(shopper, product)
        shop.staff.delete(f"/api/product/{product['id']}/")
        answer = shopper.post(ORDERS, wish(kept, gone))
        assert_refused(answer, 409, "product_gone")
        assert [each["order_item_id"] for each in answer.json()["lines"]] == [gone["id"]]
        self.assert_untouched(shopper, kept, gone)

    def test_a_price_that_has_changed(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product(price=10)
        line = add(shopper, product, 2)
        shop.staff.patch(f"/api/product/{product['id']}/", {"price": 11})
        answer = shopper.post(ORDERS, wish(line, expected_total_price=20))
        assert_refused(answer, 409, "price_changed")
        assert answer.json()["total_price"] == 22
        assert answer.json()["lines"][0]["order_item_id"] == line["id"]
        self.assert_untouched(shopper, line)
        answer = shopper.post(ORDERS, wish(line, expected_total_price=22))
        assert answer.status_code == 201

    def test_a_line_that_is_not_in_the_cart(self, shop: Shop) -> None:
        shopper = shop.shopper()
        line = add(shopper, shop.product())
        unknown = {"id": line["id"] + 1}
        answer = shopper.post(ORDERS, wish(line, unknown))
        assert_refused(answer, 400, "line_unknown")
        assert answer.json()["order_item_ids"]
        assert [each["order_item_id"] for each in answer.json()["lines"]] == [unknown["id"]]
        self.assert_untouched(shopper, line)

    @pytest.mark.parametrize("whose", ["shopper", "staff"])
    def test_a_line_of_someone_else(self, shop: Shop, whose: str) -> None:
        """Not even staff order what is in another's cart."""
        owner, thief = shop.shopper(), shop.staff if whose == "staff" else shop.shopper()
        line = add(owner, shop.product())
        answer = thief.post(ORDERS, wish(line))
        assert_refused(answer, 400, "line_unknown")
        assert [each["order_item_id"] for each in answer.json()["lines"]] == [line["id"]]
        self.assert_untouched(owner, line)

    def test_a_line_that_was_ordered_before(self, shop: Shop) -> None:
        shopper = shop.shopper()
        line = add(shopper, shop.product())
        placed = order(shopper, line)
        assert_refused(shopper.post(ORDERS, wish(line)), 400, "line_unknown")
        assert orders_of(shopper) == [placed]

    @pytest.mark.parametrize(
        ("member", "value"),
        [(member, value) for member, values in BAD.items() for value in values],
        ids=lambda value: repr(value)[:24],
    )
    def test_a_bad_member_is_named(self, shop: Shop, member: str, value: Any) -> None:
        shopper = shop.shopper()
        line = add(shopper, shop.product())
        answer = shopper.post(ORDERS, wish(line) | {member: value})
        assert answer.status_code == 400
        assert answer.json()[member]
        self.assert_untouched(shopper, line)

    @pytest.mark.parametrize("missing", ["delivery_address", "order_item_ids"])
    def test_a_missing_member_is_named(self, shop: Shop, missing: str) -> None:
        shopper = shop.shopper()
        body = wish(add(shopper, shop.product()))
        del body[missing]
        answer = shopper.post(ORDERS, body)
        assert answer.status_code == 400
        assert answer.json()[missing]


class TestWho:
    def test_nobody_without_signing_in(self, shop: Shop) -> None:
        shopper = shop.shopper()
        placed = order(shopper, add(shopper, shop.product()))
        visitor = shop.visitor
        answers = (
            visitor.get(ORDERS),
            visitor.get(f"{ORDERS}{placed['id']}/"),
            visitor.post(ORDERS, {"delivery_address": "x", "order_item_ids": [1]}),
        )
        assert [answer.status_code for answer in answers] == [401] * 3

    def test_someone_elses_order_is_not_there(self, shop: Shop) -> None:
        owner = shop.shopper()
        placed = order(owner, add(owner, shop.product()))
        stranger = shop.shopper()
        assert_refused(stranger.get(f"{ORDERS}{placed['id']}/"), 404, "order_unknown")
        assert orders_of(stranger) == []

    def test_staff_see_all_orders_newest_first(self, shop: Shop) -> None:
        one, two = shop.shopper(), shop.shopper()
        first = order(one, add(one, shop.product()))
        second = order(two, add(two, shop.product()))
        third = order(one, add(one, shop.product()))
        assert orders_of(shop.staff)[:3] == [third, second, first]
        assert shop.staff.get(f"{ORDERS}{second['id']}/").json() == second

    def test_an_unknown_order_is_not_found(self, shop: Shop) -> None:
        for caller in (shop.shopper(), shop.staff):
            assert_refused(caller.get(f"{ORDERS}{1 << 60}/"), 404, "order_unknown")

    def test_pages_follow_each_other(self, shop: Shop) -> None:
        shopper = shop.shopper()
        placed = [order(shopper, add(shopper, shop.product()))["id"] for _ in range(3)]
        first = shopper.get(f"{ORDERS}?limit=2")
        second = shopper.get(first.links["next"]["url"])
        shown = [each["id"] for each in first.json() + second.json()]
        assert shown == placed[::-1]
        assert "next" not in second.links


class TestRepeat:
    def test_answers_with_the_first_order(self, shop: Shop) -> None:
        """Also after the line has left the cart and stock has run out."""
        shopper, key = shop.shopper(), new_key()
        product = shop.product(stock=2)
        body = wish(add(shopper, product, 2))
        first, again = (shopper.post(ORDERS, body, headers=key) for _ in range(2))
        assert REPLAYED not in first.headers
        assert (again.status_code, again.headers[REPLAYED]) == (201, "true")
        assert again.json()["id"] == first.json()["id"]
        assert again.json()["total_price"] == first.json()["total_price"]
        assert len(orders_of(shopper)) == 1
        assert shop.visitor.get(f"/api/product/{product['id']}/").json()["stock"] == 0

    def test_answers_the_same_to_the_letter(self, shop: Shop) -> None:
        shopper, key = shop.shopper(), new_key()
        body = wish(add(shopper, shop.product()), add(shopper, shop.product()))
        first, again = (shopper.post(ORDERS, body, headers=key) for _ in range(2))
        assert again.json() == first.json()

    @pytest.mark.parametrize(
        "change", [{"delivery_address": "2 Pear St"}, {"expected_total_price": 1}], ids=str
    )
    def test_the_key_of_another_order_is_refused(self, shop: Shop, change: dict[str, Any]) -> None:
        shopper, key = shop.shopper(), new_key()
        body = wish(add(shopper, shop.product()))
        shopper.post(ORDERS, body, headers=key)
        assert_refused(shopper.post(ORDERS, body | change, headers=key), 422, "key_reused")
        assert len(orders_of(shopper)) == 1

    def test_a_refused_order_does_not_use_up_its_key(self, shop: Shop) -> None:
        shopper, key, product = shop.shopper(), new_key(), shop.product(stock=0)
        body = wish(add(shopper, product))
        refused = shopper.post(ORDERS, body, headers=key)
        shop.staff.patch(f"/api/product/{product['id']}/", {"stock": 1})
        placed = shopper.post(ORDERS, body, headers=key)
        assert [refused.status_code, placed.status_code] == [409, 201]


def at_once(
    shop: Shop, shopper: Caller, body: dict[str, Any], keys: list[dict[str, str]]
) -> list[httpx.Response]:
    """Send one order under each key at the same moment, each over a connection of its own."""

    def send(key: dict[str, str]) -> httpx.Response:
        with httpx.Client(base_url=shop.http.base_url, timeout=30) as http:
            return Caller(http, "", shopper.tokens).post(ORDERS, body, headers=key)

    with ThreadPoolExecutor(len(keys)) as pool:
        return list(pool.map(send, keys))


class TestAtOnce:
    def test_one_order_under_one_key_is_one_order(self, shop: Shop) -> None:
        shopper = shop.shopper()
        body = wish(add(shopper, shop.product()))
        answers = at_once(shop, shopper, body, [new_key()] * 3)
        assert [answer.status_code for answer in answers] == [201] * 3
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert Counter(answer.headers.get(REPLAYED) for answer in answers) == {None: 1, "true": 2}
        assert len(orders_of(shopper)) == 1

    def test_one_line_under_several_keys_is_sold_once(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product(stock=10)
        body = wish(add(shopper, product))
        answers = at_once(shop, shopper, body, [new_key() for _ in range(3)])
        assert sorted(answer.status_code for answer in answers) == [201, 400, 400]
        assert len(orders_of(shopper)) == 1
        assert shop.visitor.get(f"/api/product/{product['id']}/").json()["stock"] == 9


class TestBodies:
    @pytest.mark.parametrize("slash", ["/", ""], ids=["slash", "no slash"])
    @pytest.mark.parametrize("kind", ["json", "data", "files"])
    @pytest.mark.parametrize("name", ["order_item_ids", "order_item_ids[]"])
    def test_every_format_with_and_without_slash(
        self, shop: Shop, kind: str, slash: str, name: str
    ) -> None:
        if kind == "json":
            name = "order_item_ids"
        shopper = shop.shopper()
        ids = [add(shopper, shop.product())["id"] for _ in range(2)]
        body: Any = {"delivery_address": "Été 1", name: ids}
        if kind == "files":
            parts = [(name, (None, str(each))) for each in ids]
            body = [("delivery_address", (None, "Été 1")), *parts]
        answer = shopper.call("POST", "/api/order" + slash, **{kind: body})
        assert answer.status_code == 201, answer.text
        placed = answer.json()
        assert placed["delivery_address"] == "Été 1"
        assert [line["id"] for line in placed["order_items"]] == ids
        assert shopper.get("/api/order" + slash).json() == [placed]
        assert shopper.get(f"/api/order/{placed['id']}{slash}").json() == placed
