"""The OpenAPI document, the pages that show it, and whether answers are as it says."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.openapi.models import OpenAPI
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from pydantic import TypeAdapter

from pearshop.http.app import openapi
from pearshop.schemas.batch import BatchOut
from pearshop.schemas.cart import LineOut
from pearshop.schemas.category import CategoryOut
from pearshop.schemas.image import ImageOut
from pearshop.schemas.order import OrderOut
from pearshop.schemas.problem import Problem
from pearshop.schemas.product import ProductOut
from pearshop.schemas.user import AccessOut, MessageOut, TokensOut, UsernameOut
from tests.e2e.conftest import PASSWORD, Shop
from tests.e2e.test_cart import CART, add
from tests.e2e.test_images import upload
from tests.http.media.pictures import picture, saved

CONTRACT: dict[tuple[str, str], set[int]] = {
    ("post", "/api/register/"): {201, 400},
    ("post", "/api/login/"): {200, 400, 401},
    ("post", "/api/token/refresh/"): {200, 401},
    ("get", "/api/check/"): {200, 401},
    ("post", "/api/logout/"): {204, 401},
    ("post", "/api/password/"): {204, 400, 401},
    ("get", "/api/product/"): {200, 304, 400, 401, 403},
    ("post", "/api/product/"): {201, 400, 401, 403, 409},
    ("get", "/api/product/<id>/"): {200, 304, 400, 401, 403, 404},
    ("put", "/api/product/<id>/"): {200, 400, 401, 403, 404, 409, 412},
    ("patch", "/api/product/<id>/"): {200, 400, 401, 403, 404, 409, 412},
    ("delete", "/api/product/<id>/"): {204, 400, 401, 403, 404, 412},
    ("post", "/api/product/bulk/"): {200, 400, 401, 403, 412},
    ("post", "/api/product/import/"): {200, 400, 401, 403},
    ("get", "/api/product/export/"): {200, 400, 401, 403},
    ("get", "/api/order/export/"): {200, 400, 401, 403},
    ("get", "/api/category/"): {200, 304, 400},
    ("post", "/api/guest/"): {201, 400, 403},
    ("get", "/api/session/"): {200, 304, 400, 401},
    ("delete", "/api/session/<id>/"): {204, 401, 404},
    ("get", "/api/cart/"): {200, 304, 400, 401, 404},
    ("get", "/api/cart/events/"): {200, 400, 401, 404},
    ("post", "/api/cart/merge/"): {200, 400, 401, 409},
    ("get", "/api/order-item/"): {200, 304, 400, 401},
    ("post", "/api/order-item/"): {201, 400, 401, 404, 422},
    ("get", "/api/order-item/<id>/"): {200, 304, 400, 401, 404},
    ("put", "/api/order-item/<id>/"): {200, 400, 401, 404, 422},
    ("patch", "/api/order-item/<id>/"): {200, 400, 401, 404, 422},
    ("delete", "/api/order-item/<id>/"): {204, 401, 404, 422},
    ("get", "/api/report/"): {200, 304, 400, 401, 403},
    ("get", "/api/order/"): {200, 304, 400, 401},
    ("post", "/api/order/"): {201, 400, 401, 409, 422},
    ("get", "/api/order/<id>/"): {200, 304, 400, 401, 404},
    ("patch", "/api/order/<id>/"): {200, 400, 401, 403, 404, 409},
    ("post", "/api/order/<id>/cancel/"): {200, 401, 404, 409},
    ("get", "/api/me/"): {200, 401},
    ("get", "/api/user/"): {200, 304, 400, 401, 403},
    ("get", "/api/user/<id>/"): {200, 304, 400, 401, 403, 404},
    ("patch", "/api/user/<id>/"): {200, 400, 401, 403, 404, 409},
    ("delete", "/api/user/<id>/sessions/"): {204, 401, 403, 404},
    ("get", "/api/audit/"): {200, 304, 400, 401, 403},
    ("get", "/api/shop/"): {200, 304, 400},
    ("get", "/api/webhook/"): {200, 304, 400, 401, 403},
    ("post", "/api/webhook/"): {201, 400, 401, 403, 409},
    ("get", "/api/webhook/<id>/"): {200, 304, 400, 401, 403, 404},
    ("patch", "/api/webhook/<id>/"): {200, 400, 401, 403, 404, 409},
    ("delete", "/api/webhook/<id>/"): {204, 401, 403, 404},
    ("post", "/api/webhook/<id>/test/"): {202, 401, 403, 404, 409},
    ("get", "/api/webhook/<id>/delivery/"): {200, 304, 400, 401, 403, 404},
    ("post", "/api/webhook/<id>/delivery/<id>/redeliver/"): {202, 401, 403, 404, 409},
    ("post", "/api/image/"): {201, 400, 401, 403, 408, 413, 415},
    ("get", "/api/media/<id>/"): {200, 304, 404},
    ("post", "/api/batch/"): {200, 400},
}


@pytest.fixture(scope="module")
def document(shop: Shop) -> dict[str, Any]:
    """The document that the shop serves."""
    answer = shop.http.get("/openapi.json")
    assert answer.status_code == 200, answer.text
    served: dict[str, Any] = answer.json()
    return served


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The operations by method and path; whatever a path parameter is called, it is `<id>`."""
    return {
        (method, re.sub(r"\{[^}]*\}", "<id>", path)): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object in a document."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from nodes(each)


class TestDocument:
    def test_is_openapi_3_1(self, document: dict[str, Any]) -> None:
        assert document["openapi"].startswith("3.1")
        OpenAPI.model_validate(document)

    def test_is_what_the_code_describes(self, document: dict[str, Any]) -> None:
        assert document == openapi()

    def test_has_every_call_of_the_contract_and_its_statuses(
        self, document: dict[str, Any]
    ) -> None:
        found = operations(document)
        assert found.keys() == CONTRACT.keys()
        missing = {
            call: sorted(statuses - {int(each) for each in found[call]["responses"]})
            for call, statuses in CONTRACT.items()
        }
        assert {call: statuses for call, statuses in missing.items() if statuses} == {}

    def test_says_422_only_of_calls_that_take_a_key(self, document: dict[str, Any]) -> None:
        """FastAPI would add its own 422 to whatever has a parameter; ours are 400."""
        with_key = {call for call, statuses in CONTRACT.items() if 422 in statuses}
        found = operations(document).items()
        assert {call for call, each in found if "422" in each["responses"]} == with_key

    def test_operations_are_complete(self, document: dict[str, Any]) -> None:
        found = operations(document).values()
        names = [each["operationId"] for each in found]
        assert len(names) == len(set(names))
        for each in found:
            assert each["description"]
            assert all(answer["description"] for answer in each["responses"].values())

    def test_path_parameters_are_declared(self, document: dict[str, Any]) -> None:
        for path, item in document["paths"].items():
            for operation in item.values():
                declared = {
                    each["name"] for each in operation.get("parameters", []) if each["in"] == "path"
                }
                assert declared == set(re.findall(r"\{([^}]*)\}", path))

    def test_references_lead_somewhere(self, document: dict[str, Any]) -> None:
        references = {node["$ref"] for node in nodes(document) if "$ref" in node}
        known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
        assert references
        assert references <= known

    def test_schemas_are_json_schemas(self, document: dict[str, Any]) -> None:
        for node in nodes(document["paths"]):
            if isinstance(schema := node.get("schema"), dict):
                Draft202012Validator.check_schema(schema)
        for schema in document["components"]["schemas"].values():
            Draft202012Validator.check_schema(schema)

    def test_security_is_declared_where_the_contract_wants_it(
        self, document: dict[str, Any]
    ) -> None:
        assert document["components"]["securitySchemes"].keys() == {"bearer"}
        secured = {call for call, each in operations(document).items() if "security" in each}
        assert secured == {call for call, statuses in CONTRACT.items() if 401 in statuses} - {
            ("post", "/api/login/"),
            ("post", "/api/token/refresh/"),
            # Only to whoever asks for what is off sale.
            ("get", "/api/product/"),
            ("get", "/api/product/<id>/"),
        }

    def test_bodies_come_in_three_formats_but_for_batches_and_files(
        self, document: dict[str, Any]
    ) -> None:
        only = {
            "/api/batch/": {"application/json"},
            "/api/image/": {"multipart/form-data"},
            "/api/product/import/": {"text/csv", "application/jsonl"},
        }
        for (_, path), each in operations(document).items():
            if path in only:
                assert each["requestBody"]["content"].keys() == only[path]
            elif "requestBody" in each:
                assert each["requestBody"]["content"].keys() == {
                    "application/json",
                    "application/x-www-form-urlencoded",
                    "multipart/form-data",
                }


def shape(value: Any) -> Any:
    """The names of members, all the way down, and the types of what they hold."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else type(value)


def assert_fits(answer: httpx.Response, model: Any) -> None:
    """The answer has the members of the model, all of them and no others."""
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    parsed = adapter.validate_json(answer.content, strict=True)
    assert shape(adapter.dump_python(parsed, mode="json")) == shape(answer.json())


class TestAnswers:
    def test_products(self, shop: Shop) -> None:
        full = {"sku": f"fits-{shop.shopper().username}", "stock": 3, "category": "Fruit"}
        body, staff = {"name": "Pear", "price": 1}, shop.staff
        for more in ({}, full):
            made = staff.post("/api/product/", body | more)
            path = f"/api/product/{made.json()['id']}/"
            for answer in (made, staff.put(path, body), staff.patch(path, body), staff.get(path)):
                assert_fits(answer, ProductOut)
        assert_fits(shop.visitor.get("/api/product/"), list[ProductOut])
        assert_fits(shop.visitor.get("/api/category/"), list[CategoryOut])
        calls = [{"path": "/api/product/?limit=1"}, {"path": "/api/check/"}]
        assert_fits(shop.visitor.post("/api/batch/", {"calls": calls}), BatchOut)

    def test_images(self, shop: Shop) -> None:
        assert_fits(upload(shop.staff, saved(picture(), "PNG")), ImageOut)

    def test_lines_and_orders(self, shop: Shop) -> None:
        shopper, staff = shop.shopper(), shop.staff
        product = shop.product(stock=5)
        added = shopper.post(CART, {"product_id": product["id"], "quantity": 1})
        path = f"{CART}{added.json()['id']}/"
        change = {"quantity": 2}
        for answer in (added, shopper.put(path, change), shopper.patch(path, change)):
            assert_fits(answer, LineOut)
        wish = {"delivery_address": "1 Pear St", "order_item_ids": [added.json()["id"]]}
        placed = shopper.post("/api/order/", wish)
        add(shopper, product)
        assert_fits(staff.get(path), LineOut)
        assert_fits(placed, OrderOut)
        assert_fits(shopper.get(f"/api/order/{placed.json()['id']}/"), OrderOut)
        for caller in (shopper, staff):
            assert_fits(caller.get(CART), list[LineOut])
            assert_fits(caller.get("/api/order/"), list[OrderOut])

    def test_accounts(self, shop: Shop) -> None:
        who = {"username": f"{shop.shopper().username}-fits", "password": PASSWORD}
        assert_fits(shop.visitor.post("/api/register/", who), UsernameOut)
        signed_in = shop.visitor.post("/api/login/", who)
        assert_fits(signed_in, TokensOut)
        refresh = {"refresh": signed_in.json()["refresh"]}
        assert_fits(shop.visitor.post("/api/token/refresh/", refresh), AccessOut)
        assert_fits(shop.shopper().get("/api/check/"), MessageOut)

    def test_errors(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product(stock=0)
        line = add(shopper, product)
        wish = {"delivery_address": "1 Pear St", "order_item_ids": [line["id"]]}
        answers = {
            400: shopper.post(CART, {}),
            401: shop.visitor.get(CART),
            403: shopper.post("/api/product/", {}),
            404: shopper.get(f"{CART}1/"),
            405: shopper.put(CART, {}),
            409: shopper.post("/api/order/", wish),
            415: shopper.call("POST", CART, content="x", headers={"Content-Type": "text/plain"}),
        }
        for status, answer in answers.items():
            assert answer.json()["status"] == answer.status_code == status
            assert_fits(answer, Problem)


class TestPages:
    def test_come_from_the_shop_alone(self, shop: Shop) -> None:
        page = shop.http.get("/docs")
        assert page.status_code == 200
        assert page.headers["Content-Type"].startswith("text/html")
        assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", page.text) == []
        assets = re.findall(r"""(?:src|href|url)\s*[=:]\s*["'](/[^"']+)""", page.text)
        assert len(assets) >= 2
        for asset in assets:
            answer = shop.http.get(asset)
            assert answer.status_code == 200, asset
            assert answer.content
