"""The catalogue over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Caller, Shop

MEMBERS = {
    *("id", "name", "price", "image", "description", "created_at", "updated_at"),
    *("sku", "stock", "category", "hidden"),
}
PEAR: dict[str, Any] = {
    "name": "Comice",
    "price": 300,
    "image": "https://img.example/comice.png",
    "description": "Soft",
}

BAD: dict[str, list[Any]] = {
    "name": ["", "   ", None, 5, "x" * 256, ["x"]],
    "price": [-1, 1.5, "", "x", None, True, 10**9 + 1, 2**70, 1e300],
    "image": [None, 5, "x" * 2049],
    "description": [None, {}, "x" * 20_001],
    "stock": [-1, 0.5, "x", False, 10**9 + 1, 2**64],
    "sku": [5, "x" * 65],
    "category": [None, "x" * 101],
}


def first_ids(shop: Shop, count: int) -> list[int]:
    """The ids at the head of the catalogue."""
    answer = shop.http.get("/api/product/", params={"limit": count})
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()]


def unique_sku(shop: Shop) -> str:
    return f"SKU-{shop.shopper().username}"


class TestCreate:
    def test_answers_the_product_with_all_its_members(self, shop: Shop) -> None:
        answer = shop.staff.post("/api/product/", PEAR)
        made = answer.json()
        assert answer.status_code == 201
        assert made.keys() == MEMBERS
        assert {name: made[name] for name in PEAR} == PEAR
        assert (made["sku"], made["stock"], made["category"]) == (None, None, "")
        assert type(made["id"]) is int
        assert shop.visitor.get(f"/api/product/{made['id']}/").json() == made

    def test_times_are_utc(self, shop: Shop) -> None:
        made = shop.product()
        for member in ("created_at", "updated_at"):
            then = datetime.fromisoformat(made[member])
            assert then.utcoffset() == timedelta(0)
            assert abs(datetime.now(UTC) - then) < timedelta(minutes=5)

    def test_image_and_description_may_be_absent(self, shop: Shop) -> None:
        made = shop.staff.post("/api/product/", {"name": "Bare", "price": 0})
        assert made.status_code == 201
        assert (made.json()["image"], made.json()["description"]) == ("", "")

    def test_carries_sku_stock_and_category(self, shop: Shop) -> None:
        more = {"sku": unique_sku(shop), "stock": 7, "category": "Fruit"}
        made = shop.product(**more)
        assert {name: made[name] for name in more} == more

    @pytest.mark.parametrize(
        ("member", "value"),
        [(member, value) for member, values in BAD.items() for value in values],
        ids=lambda value: repr(value)[:24],
    )
    def test_a_bad_member_is_named(self, shop: Shop, member: str, value: Any) -> None:
        product, staff = shop.product(), shop.staff
        answers = [
            staff.post("/api/product/", PEAR | {member: value}),
            staff.put(f"/api/product/{product['id']}/", PEAR | {member: value}),
            staff.patch(f"/api/product/{product['id']}/", {member: value}),
        ]
        assert [answer.status_code for answer in answers] == [400] * 3
        assert shop.visitor.get(f"/api/product/{product['id']}/").json() == product
        assert [member in answer.json() for answer in answers] == [True] * 3

    @pytest.mark.parametrize("missing", ["name", "price"])
    def test_a_missing_member_is_named(self, shop: Shop, missing: str) -> None:
        body = {name: value for name, value in PEAR.items() if name != missing}
        answer = shop.staff.post("/api/product/", body)
        assert answer.status_code == 400
        assert answer.json()[missing]

    def test_members_of_ours_cannot_be_set(self, shop: Shop) -> None:
        made = shop.product(id=1, created_at="1999-01-01T00:00:00Z", hidden=True)
        assert made["created_at"] > "2000"
        assert shop.visitor.get(f"/api/product/{made['id']}/").status_code == 200


class TestSku:
    def test_is_unique_across_letter_case(self, shop: Shop) -> None:
        sku = unique_sku(shop)
        shop.product(sku=sku.lower())
        answer = shop.staff.post("/api/product/", PEAR | {"sku": sku.upper()})
        assert answer.status_code == 409
        assert answer.json()["code"] == "sku_taken"

    def test_is_unique_when_changed(self, shop: Shop) -> None:
        sku = unique_sku(shop)
        shop.product(sku=sku)
        other = shop.product()
        answer = shop.staff.patch(f"/api/product/{other['id']}/", {"sku": sku})
        assert answer.status_code == 409

    def test_keeps_its_own(self, shop: Shop) -> None:
        sku = unique_sku(shop)
        made = shop.product(sku=sku)
        changed = shop.staff.patch(f"/api/product/{made['id']}/", {"sku": sku.lower()})
        assert (changed.status_code, changed.json()["sku"]) == (200, sku.lower())

    @pytest.mark.parametrize("empty", [None, ""])
    def test_none_is_shared_by_many(self, shop: Shop, empty: str | None) -> None:
        assert [shop.product(sku=empty)["sku"] for _ in range(2)] == [None, None]


class TestChange:
    def test_put_sets_all_members(self, shop: Shop) -> None:
        made = shop.product()
        answer = shop.staff.put(f"/api/product/{made['id']}/", PEAR)
        changed = answer.json()
        assert answer.status_code == 200
        assert {name: changed[name] for name in PEAR} == PEAR
        assert changed["updated_at"] > made["updated_at"]
        assert changed["created_at"] == made["created_at"]
        assert shop.visitor.get(f"/api/product/{made['id']}/").json() == changed

    @pytest.mark.parametrize(
        ("member", "value"),
        [("name", "Nashi"), ("price", 1), ("image", "x"), ("description", "d"), ("stock", 3)],
    )
    def test_patch_sets_one_and_leaves_the_rest(self, shop: Shop, member: str, value: Any) -> None:
        made = shop.product()
        answer = shop.staff.patch(f"/api/product/{made['id']}/", {member: value})
        changed = answer.json()
        assert answer.status_code == 200
        assert changed == made | {member: value, "updated_at": changed["updated_at"]}

    def test_put_needs_all_of_the_contracts_members(self, shop: Shop) -> None:
        answer = shop.staff.put(f"/api/product/{shop.product()['id']}/", {"price": 5})
        assert answer.status_code == 400
        assert answer.json()["name"]

    def test_stock_null_stops_the_count(self, shop: Shop) -> None:
        made = shop.product(stock=5)
        answer = shop.staff.patch(f"/api/product/{made['id']}/", {"stock": None})
        assert answer.json()["stock"] is None


class TestDelete:
    def test_takes_it_out_of_the_catalogue(self, shop: Shop) -> None:
        made, staff = shop.product(), shop.staff
        path = f"/api/product/{made['id']}/"
        answer = staff.delete(path)
        assert (answer.status_code, answer.content) == (204, b"")
        assert made["id"] not in first_ids(shop, 20)
        calls = (
            shop.visitor.get(path),
            staff.get(path),
            staff.put(path, PEAR),
            staff.patch(path, {"price": 1}),
            staff.delete(path),
        )
        assert [call.status_code for call in calls] == [404] * 5

    def test_it_can_no_longer_be_added(self, shop: Shop) -> None:
        made, shopper = shop.product(), shop.shopper()
        shop.staff.delete(f"/api/product/{made['id']}/")
        answer = shopper.post("/api/order-item/", {"product_id": made["id"], "quantity": 1})
        assert answer.status_code == 404


class TestList:
    def test_is_a_bare_array_of_products(self, shop: Shop) -> None:
        made = shop.product()
        answer = shop.visitor.get("/api/product/")
        assert answer.status_code == 200
        assert isinstance(answer.json(), list)
        assert made in answer.json()

    def test_most_recently_updated_first(self, shop: Shop) -> None:
        one, two, three = (shop.product()["id"] for _ in range(3))
        shop.staff.patch(f"/api/product/{one}/", {"price": 1})
        shown = [each for each in first_ids(shop, 50) if each in {one, two, three}]
        assert shown == [one, three, two]

    def test_pages_follow_each_other_without_gap_or_repeat(self, shop: Shop) -> None:
        made = {shop.product()["id"] for _ in range(5)}
        seen: list[int] = []
        path = "/api/product/?limit=2"
        while not made <= set(seen):
            answer = shop.visitor.get(path)
            seen += [each["id"] for each in answer.json()]
            path = answer.links["next"]["url"]
        assert len(seen) == len(set(seen))

    def test_the_last_page_has_no_next(self, shop: Shop) -> None:
        shop.product()
        page = shop.visitor.get("/api/product/?limit=500")
        while "next" in page.links:
            page = shop.visitor.get(page.links["next"]["url"])
        assert page.status_code == 200


def calls_of_staff(caller: Caller, product_id: int) -> list[httpx.Response]:
    path = f"/api/product/{product_id}/"
    return [
        caller.post("/api/product/", PEAR),
        caller.put(path, PEAR),
        caller.patch(path, {"price": 1}),
        caller.delete(path),
    ]


class TestWho:
    def test_nobody_changes_the_catalogue_without_signing_in(self, shop: Shop) -> None:
        made = shop.product()
        assert [a.status_code for a in calls_of_staff(shop.visitor, made["id"])] == [401] * 4
        assert shop.visitor.get(f"/api/product/{made['id']}/").json() == made

    def test_nor_does_a_shopper(self, shop: Shop) -> None:
        made = shop.product()
        assert [a.status_code for a in calls_of_staff(shop.shopper(), made["id"])] == [403] * 4
        assert shop.visitor.get(f"/api/product/{made['id']}/").json() == made

    def test_a_shopper_is_refused_before_the_product_is_sought(self, shop: Shop) -> None:
        answers = calls_of_staff(shop.shopper(), 1 << 60)
        assert [a.status_code for a in answers] == [403] * 4


class TestBodies:
    @pytest.mark.parametrize("slash", ["/", ""], ids=["slash", "no slash"])
    @pytest.mark.parametrize("kind", ["json", "data", "files"])
    def test_every_format_with_and_without_slash(self, shop: Shop, kind: str, slash: str) -> None:
        staff = shop.staff

        def send(method: str, path: str, **members: Any) -> dict[str, Any]:
            body: Any = members
            if kind == "files":
                body = {name: (None, str(value)) for name, value in members.items()}
            answer = staff.call(method, path + slash, **{kind: body})
            assert answer.is_success, answer.text
            made: dict[str, Any] = answer.json()
            return made

        made = send("POST", "/api/product", name="Été", price=5, image="", stock=4)
        path = f"/api/product/{made['id']}"
        assert (made["name"], made["price"], made["stock"]) == ("Été", 5, 4)
        put = send("PUT", path, name="Nashi", price=6, image="", description="")
        assert (put["name"], put["price"]) == ("Nashi", 6)
        assert send("PATCH", path, price=7)["price"] == 7
        assert shop.visitor.get("/api/product" + slash).status_code == 200
        assert shop.visitor.get(path + slash).json()["price"] == 7
        assert staff.delete(path + slash).status_code == 204

    def test_an_empty_form_field_is_no_stock_and_no_sku(self, shop: Shop) -> None:
        form = {"name": "Form", "price": "5", "sku": "", "stock": ""}
        made = shop.staff.call("POST", "/api/product/", data=form).json()
        assert (made["sku"], made["stock"]) == (None, None)
