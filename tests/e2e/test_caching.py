"""What may be kept, by whom, and that nobody keeps what is no longer so."""

import gzip
import json
import re
from collections.abc import Callable
from functools import partial

import httpx
import pytest

from pearshop.launcher.state import StateFolder
from tests.e2e.conftest import Shop
from tests.e2e.test_cart import add
from tests.replicas import each_replica
from tests.waiting import wait_for

LAYERS = ("memory", "redis")
SOON_S = 3.5
"""Shorter than any time to live (5 s, less a fifth by chance): only word of it is as quick."""


def _is(found: Callable[[], object], wanted: object) -> bool:
    return found() == wanted


def _public(answer: httpx.Response) -> bool:
    return answer.headers["Cache-Control"].startswith("public, max-age=")


def _age(answer: httpx.Response) -> int:
    found = re.match(r"public, max-age=(\d+),", answer.headers["Cache-Control"])
    assert found is not None
    return int(found[1])


class TestControl:
    @pytest.mark.parametrize("path", ["/api/product/", "/api/category/", "/api/product/{}/"])
    def test_the_catalogue_is_for_every_cache_unless_signed_in(self, shop: Shop, path: str) -> None:
        path = path.format(shop.product()["id"])
        answer = shop.visitor.get(path)
        assert _public(answer)
        assert "stale-while-revalidate=" in answer.headers["Cache-Control"]
        for caller in (shop.staff, shop.shopper()):
            signed_in = caller.get(path)
            assert signed_in.headers["Cache-Control"] == "private, no-cache"
            assert "Authorization" in signed_in.headers["Vary"]
        assert "Authorization" in answer.headers["Vary"]

    def test_what_is_asked_for_together_goes_old_apart(self, shop: Shop) -> None:
        addresses = ["/api/category/", *(f"/api/product/?search=pear{n}" for n in range(30))]
        ages = {_age(shop.visitor.get(address)) for address in addresses}
        assert ages <= {1, 2, 3}
        assert len(ages) > 1

    def test_all_else_is_for_no_cache(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product()
        line = shopper.post("/api/order-item/", {"product_id": product["id"], "quantity": 1})
        wish = {"delivery_address": "1 Pear St", "order_item_ids": [line.json()["id"]]}
        order = shopper.post("/api/order/", wish)
        answers = [
            *(line, order, shopper.get(f"/api/order/{order.json()['id']}/")),
            *(shopper.get("/api/order/"), shopper.get("/api/order-item/"), shop.visitor.get("/x")),
            *(shop.visitor.get("/api/order/"), shop.visitor.get("/api/product/999999999/")),
            shop.staff.post("/api/product/", {"name": "Plum", "price": 1}),
            shopper.post("/api/batch/", {"calls": [{"path": "/api/product/"}]}),
        ]
        for answer in answers:
            assert answer.headers["Cache-Control"] == "private, no-store", answer.url


class TestTags:
    def test_304_for_products_lists_and_orders(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product()
        line = add(shopper, product)
        wish = {"delivery_address": "1 Pear St", "order_item_ids": [line["id"]]}
        order = shopper.post("/api/order/", wish).json()
        add(shopper, product)
        for path in (
            *(f"/api/product/{product['id']}/", "/api/product/?search=zzz", "/api/category/"),
            *("/api/order/", f"/api/order/{order['id']}/", "/api/order-item/"),
        ):
            first = shopper.get(path)
            headers = {"If-None-Match": first.headers["ETag"]}
            again = shopper.get(path, headers=headers)
            assert (again.status_code, again.content) == (304, b""), path
            assert again.headers["ETag"] == first.headers["ETag"]
            assert shopper.get(path, headers={"If-None-Match": '"x"'}).status_code == 200

    def test_a_change_changes_the_tag(self, shop: Shop) -> None:
        path = f"/api/product/{shop.product()['id']}/"
        before = shop.visitor.get(path).headers["ETag"]
        changed = shop.staff.patch(path, {"price": 7})
        assert before != changed.headers["ETag"]
        answer = shop.staff.get(path, headers={"If-None-Match": before})
        assert (answer.status_code, answer.json()["price"]) == (200, 7)

    def test_staff_who_come_second_are_told(self, shop: Shop) -> None:
        made = shop.staff.post("/api/product/", {"name": "Quince", "price": 5, "stock": 3})
        path, seen = f"/api/product/{made.json()['id']}/", made.headers["ETag"]
        first = shop.staff.call("PATCH", path, json={"price": 6}, headers={"If-Match": seen})
        assert first.status_code == 200
        for method, body in (("PATCH", {"price": 7}), ("PUT", made.json()), ("DELETE", None)):
            second = shop.staff.call(method, path, json=body, headers={"If-Match": seen})
            assert second.status_code == 412
            assert second.json()["code"] == "overtaken"
            assert second.json()["current"]["price"] == 6
        weak = {"If-Match": f"W/{first.headers['ETag']}"}
        assert shop.staff.call("DELETE", path, headers=weak).status_code == 204

    def test_a_sale_stands_in_the_way_of_a_change_of_stock_alone(self, shop: Shop) -> None:
        made = shop.staff.post("/api/product/", {"name": "Quince", "price": 5, "stock": 3})
        path, shopper = f"/api/product/{made.json()['id']}/", shop.shopper()
        wish = {"delivery_address": "1 St", "order_item_ids": [add(shopper, made.json())["id"]]}
        assert shopper.post("/api/order/", wish).status_code == 201
        seen = {"If-Match": made.headers["ETag"]}
        assert shop.staff.call("PATCH", path, json={"stock": 9}, headers=seen).status_code == 412
        assert shop.staff.call("PATCH", path, json={"price": 9}, headers=seen).status_code == 200

    def test_what_is_no_tag_is_refused(self, shop: Shop) -> None:
        path = f"/api/product/{shop.product()['id']}/"
        answer = shop.staff.call("PATCH", path, json={"price": 1}, headers={"If-Match": "x"})
        assert (answer.status_code, "If-Match" in answer.json()) == (400, True)


class TestFreshness:
    def test_a_search_that_shows_a_new_price_is_as_if_made_anew(self, shop: Shop) -> None:
        made = [shop.product(name=f"Cloudberry {n}", price=100 + n) for n in range(3)]
        search = "/api/product/?search=cloudberry&fields=price,name,updated_at"

        def prices(replica: httpx.Client) -> set[int]:
            return {product["price"] for product in replica.get(search).json()}

        with each_replica(shop.state) as replicas:
            for each in replicas:
                shown = partial(prices, each)
                wait_for(partial(_is, shown, {100, 101, 102}), "all three", SOON_S)
            for number, product in enumerate(made):
                shop.staff.patch(f"/api/product/{product['id']}/", {"price": 200 + number})
            for number, each in enumerate(replicas):
                shown = partial(prices, each)
                wait_for(partial(_is, shown, {200, 201, 202}), "the new prices", SOON_S)
                new = each.get(f"{search}&limit={50 + number}")  # asked for by nobody before
                known = each.get(search)
                assert known.content == new.content
                assert known.headers["ETag"] == new.headers["ETag"]

    def test_a_change_shows_soon_to_everyone(self, shop: Shop) -> None:
        product = shop.product(name="Medlar", category="Rare")
        path = f"/api/product/{product['id']}/"

        def shown() -> set[int]:
            page = "/api/product/?category=Rare&limit=1"
            callers = (shop.visitor, shop.staff)
            singly = {caller.get(path).json()["price"] for caller in callers}
            return singly | {caller.get(page).json()[0]["price"] for caller in callers}

        for price in range(1, 6):
            shown()
            assert shop.staff.patch(path, {"price": price}).status_code == 200
            wait_for(partial(_is, shown, {price}), "the new price to show", SOON_S)

    def test_a_hidden_product_is_gone_from_lists(self, shop: Shop) -> None:
        product = shop.product(category="Soon gone")
        path = "/api/product/?category=Soon%20gone"
        assert len(shop.visitor.get(path).json()) == 1
        shop.staff.delete(f"/api/product/{product['id']}/")
        wait_for(lambda: shop.visitor.get(path).json() == [], "the product to go", SOON_S)


class TestSending:
    def test_long_answers_are_compressed_for_whoever_can_read_that(self, shop: Shop) -> None:
        shop.product(description="pear " * 300)
        plain = shop.http.get("/api/product/?limit=1", headers={"Accept-Encoding": "identity"})
        with shop.http.stream(
            "GET", "/api/product/?limit=1", headers={"Accept-Encoding": "gzip"}
        ) as answer:
            sent = b"".join(answer.iter_raw())
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(sent) == plain.content
        assert len(sent) < len(plain.content) / 4
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert "Content-Encoding" not in plain.headers

    @pytest.mark.parametrize("path", ["/api/product/", "/api/category/", "/api/order/"])
    def test_head_is_get_without_the_content(self, shop: Shop, path: str) -> None:
        get, head = (shop.staff.call(method, path) for method in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["ETag"] == get.headers["ETag"]


def test_each_layer_counts_what_it_had(shop: Shop) -> None:
    product = shop.product()
    for _ in range(3):
        shop.visitor.get(f"/api/product/{product['id']}/")

    def told() -> bool:
        runtime = StateFolder(shop.state).runtime
        found = json.loads((runtime / "ray" / "prom_metrics_service_discovery.json").read_text())
        targets = [each for group in found for each in group["targets"]]
        metrics = "".join(httpx.get(f"http://{each}/metrics").text for each in targets)
        lookups = re.findall(r"pearshop_cache_lookups_total\{(.*)\}", metrics)
        return all(any(f'layer="{each}"' in tags for tags in lookups) for each in LAYERS)

    wait_for(told, "the metrics to tell")
