"""The catalogue over HTTP: found, filtered, sorted, paged, in part, and refused by name."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Shop

CATEGORY = "Kitchen & Table"
SHELF = [
    ("Enamel teapot", 900, 5, "Brews for four"),
    ("Teapots of glass", 1_500, 0, "See the leaves dance"),
    ("Café spoon", 200, None, "Small"),
    ("Ladle", 350, 40, "For soup, not for tea"),
    ("Whisk", 300, 1, "Whisks whatever you are whisking"),
]


@pytest.fixture(scope="module")
def ids(shop: Shop) -> dict[str, int]:
    """The ids of a shelf of products by name, in a category of their own."""
    return {
        name: shop.product(
            name=name, price=price, stock=stock, description=told, category=CATEGORY
        )["id"]
        for name, price, stock, told in SHELF
    }


def listed(shop: Shop, **query: Any) -> list[str]:
    answer = shop.visitor.get("/api/product/", params={"category": CATEGORY} | query)
    assert answer.status_code == 200, answer.text
    return [each["name"] for each in answer.json()]


def walk(shop: Shop, path: str) -> Iterator[httpx.Response]:
    answer = shop.visitor.get(path)
    while True:
        assert answer.status_code == 200, answer.text
        yield answer
        if "next" not in answer.links:
            return
        answer = shop.visitor.get(answer.links["next"]["url"])


@pytest.mark.usefixtures("ids")
class TestFinding:
    @pytest.mark.parametrize(
        ("written", "expected"),
        [
            ("teapot", {"Enamel teapot", "Teapots of glass"}),
            ("cafe sp", {"Café spoon"}),
            ("whisking", {"Whisk"}),
            ("tea", {"Enamel teapot", "Teapots of glass", "Ladle"}),
            ("glass teapot", {"Teapots of glass"}),
            ("", {name for name, *_ in SHELF}),
            ("!!", set()),
        ],
    )
    def test_search(self, shop: Shop, written: str, expected: set[str]) -> None:
        assert set(listed(shop, search=written)) == expected

    def test_a_better_match_comes_first(self, shop: Shop) -> None:
        assert listed(shop, search="tea")[-1] == "Ladle"

    def test_a_slip_is_corrected_and_told(self, shop: Shop) -> None:
        answer = shop.visitor.get("/api/product/", params={"search": "enamle teapto"})
        assert [each["name"] for each in answer.json()] == ["Enamel teapot"]
        assert answer.headers["X-Corrected-Search"] == "enamel%20teapot"

    def test_the_pages_of_a_corrected_search_follow_each_other(self, shop: Shop) -> None:
        path = "/api/product/?search=taepot"
        found = shop.visitor.get(path).json()
        assert len(found) >= 2
        pages = list(walk(shop, f"{path}&limit=1"))
        assert [each["id"] for page in pages for each in page.json()] == [e["id"] for e in found]
        counted = shop.visitor.get(f"{path}&limit=1&offset=0")
        assert counted.headers["X-Total-Count"] == str(len(found))
        assert shop.visitor.get(counted.links["last"]["url"]).json() == found[-1:]

    def test_what_is_found_is_not_corrected(self, shop: Shop) -> None:
        for written in ("teapot", "xyzzyplugh"):
            answer = shop.visitor.get("/api/product/", params={"search": written})
            assert "X-Corrected-Search" not in answer.headers

    def test_filters(self, shop: Shop, ids: dict[str, int]) -> None:
        assert set(listed(shop, min_price=300, max_price=900)) == {
            *("Enamel teapot", "Ladle", "Whisk")
        }
        assert listed(shop, in_stock="false") == ["Teapots of glass"]
        assert len(listed(shop, in_stock="true")) == 4
        wanted = f"{ids['Ladle']},{ids['Whisk']},{2**40}"
        assert set(listed(shop, ids=wanted)) == {"Ladle", "Whisk"}
        assert listed(shop, search="tea", max_price=500) == ["Ladle"]

    @pytest.mark.parametrize(
        ("ordering", "first"),
        [
            ("name", "Café spoon"),
            ("-name", "Whisk"),
            ("price", "Café spoon"),
            ("-price", "Teapots of glass"),
            ("newest", "Whisk"),
            ("updated", "Whisk"),
        ],
    )
    def test_orders(self, shop: Shop, ordering: str, first: str) -> None:
        assert listed(shop, ordering=ordering)[0] == first

    def test_categories_are_counted(self, shop: Shop) -> None:
        counted = {
            each["name"]: each["products"]
            for answer in walk(shop, "/api/category/?limit=1")
            for each in answer.json()
        }
        assert counted[CATEGORY] == len(SHELF)

    def test_sparse_fields(self, shop: Shop, ids: dict[str, int]) -> None:
        answer = shop.visitor.get("/api/product/", params={"search": "ladle", "fields": "id,price"})
        assert answer.json() == [{"id": ids["Ladle"], "price": 350}]
        one = shop.visitor.get(f"/api/product/{ids['Ladle']}/?fields=name")
        assert one.json() == {"name": "Ladle"}


@pytest.mark.usefixtures("ids")
class TestPaging:
    @pytest.mark.parametrize("query", ["ordering=price", "search=tea", "in_stock=true", ""])
    def test_pages_hold_each_product_once(self, shop: Shop, query: str) -> None:
        base = f"/api/product/?category={CATEGORY.replace('&', '%26')}&{query}"
        pages = [answer.json() for answer in walk(shop, f"{base}&limit=2")]
        whole = shop.visitor.get(base).json()
        assert [each for page in pages for each in page] == whole
        assert [len(page) for page in pages[:-1]] == [2] * (len(pages) - 1)

    def test_a_table_is_counted_where_it_asks_for_that(self, shop: Shop) -> None:
        wish = {"category": CATEGORY, "ordering": "name", "limit": 2, "offset": 2}
        answer = shop.visitor.get("/api/product/", params=wish)
        assert answer.headers["X-Total-Count"] == "5"
        assert answer.links.keys() == {"first", "prev", "next", "last"}
        last = shop.visitor.get(answer.links["last"]["url"])
        assert [each["name"] for each in last.json()] == ["Whisk"]
        assert "X-Total-Count" not in shop.visitor.get("/api/product/").headers

    @pytest.mark.parametrize(
        "query",
        [
            *("colour=red", "limit=501", "limit=0", "cursor=abc", "cursor=WyJwcmljZSIsMSwxXQ"),
            *("fields=id,colour", "ordering=cheapest", "min_price=x", "in_stock=2", "ids=a"),
            *("offset=-1", "limit=1&limit=2", "search=%00"),
        ],
    )
    @pytest.mark.parametrize("signed_in", [True, False])
    def test_a_bad_parameter_is_named(self, shop: Shop, query: str, signed_in: bool) -> None:
        caller = shop.staff if signed_in else shop.visitor
        answer = caller.get(f"/api/product/?{query}")
        assert answer.status_code == 400
        assert query.partition("=")[0] in answer.json()
        assert "no-store" in answer.headers["Cache-Control"]

    @pytest.mark.parametrize(
        "path", ["/api/order/", "/api/order-item/", "/api/category/", "/api/product/1/"]
    )
    def test_elsewhere_too(self, shop: Shop, path: str) -> None:
        for caller in (shop.staff, shop.shopper()):
            answer = caller.get(path, params={"colour": "red"})
            assert (answer.status_code, "colour" in answer.json()) == (400, True)

    def test_orders_and_lines(self, shop: Shop) -> None:
        shopper, goods = shop.shopper(), [shop.product() for _ in range(3)]
        for each in goods * 3:
            added = shopper.post("/api/order-item/", {"product_id": each["id"], "quantity": 1})
            wish = {"delivery_address": "1 Pear St", "order_item_ids": [added.json()["id"]]}
            assert shopper.post("/api/order/", wish).status_code == 201
        for each in goods:
            shopper.post("/api/order-item/", {"product_id": each["id"], "quantity": 1})
        for caller, path, count in (
            (shopper, "/api/order/", 9),
            (shopper, "/api/order-item/", 3),
            (shop.staff, "/api/order/", 9),
            (shop.staff, "/api/order-item/", 9),
        ):
            found: list[int] = []
            answer = caller.get(f"{path}?limit=2")
            while len(found) < count:
                assert len(answer.json()) <= 2
                found += [each["id"] for each in answer.json()]
                if "next" not in answer.links:
                    break
                answer = caller.get(answer.links["next"]["url"])
            assert len(set(found)) == len(found) >= count
            counted = caller.get(f"{path}?limit=2&offset=1")
            assert int(counted.headers["X-Total-Count"]) >= count
            assert counted.json()[0]["id"] == found[1]
        names = shopper.get("/api/order/?limit=1&fields=id,order_items.product.name").json()
        assert [each.keys() for each in names] == [{"id", "order_items"}]
        assert names[0]["order_items"] == [{"product": {"name": "Pear"}}]
