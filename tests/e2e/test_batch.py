"""Several calls in one request: each is what it would be by itself."""

import os
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Caller, Shop


def send(caller: Caller, *calls: dict[str, Any], **arguments: Any) -> list[dict[str, Any]]:
    answer = caller.post("/api/batch/", {"calls": list(calls)}, **arguments)
    assert answer.status_code == 200, answer.text
    answers: list[dict[str, Any]] = answer.json()["answers"]
    assert len(answers) == len(calls)
    return answers


def call(method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
    return {"method": method, "path": path, "body": body, "headers": headers}


def test_a_journey_in_one_request(shop: Shop) -> None:
    shopper, product = shop.shopper(), shop.product(price=40, stock=9)
    answers = send(
        shopper,
        call("GET", f"/api/product/{product['id']}/"),
        call("POST", "/api/order-item/", {"product_id": product["id"], "quantity": 2}),
        call("GET", "/api/order-item/?fields=quantity"),
    )
    assert [each["status"] for each in answers] == [200, 201, 200]
    assert answers[0]["body"] == shop.visitor.get(f"/api/product/{product['id']}/").json()
    assert answers[2]["body"] == [{"quantity": 2}]
    line = answers[1]["body"]["id"]
    wish = {"delivery_address": "1 Pear St", "order_item_ids": [line]}
    ordered, left = send(
        shopper, call("POST", "/api/order/", wish), call("GET", "/api/order-item/")
    )
    assert (ordered["status"], ordered["body"]["total_price"], left["body"]) == (201, 80, [])


def test_each_is_refused_by_itself(shop: Shop) -> None:
    shopper, product = shop.shopper(), shop.product()
    path = f"/api/product/{product['id']}/"
    answers = send(
        shopper,
        call("PATCH", path, {"price": 1}),
        call("GET", "/api/product/999999999/"),
        call("POST", "/api/order-item/", {"product_id": product["id"], "quantity": 0}),
        call("GET", "/api/nothing/"),
        call("PUT", "/api/order/"),
        call("POST", "/api/batch/", {"calls": []}),
        call("POST", "/api/%62atch/", {"calls": []}),
        call("GET", path),
    )
    assert [each["status"] for each in answers] == [403, 404, 400, 404, 405, 400, 400, 200]
    assert answers[4]["headers"]["allow"] == "GET, HEAD, POST"
    assert send(shop.visitor, call("GET", "/api/order/"))[0]["status"] == 401


def test_a_key_makes_a_call_one_however_often_it_is_sent(shop: Shop) -> None:
    shopper, product = shop.shopper(), shop.product()
    body = {"product_id": product["id"], "quantity": 1}
    keyed = call("POST", "/api/order-item/", body, **{"Idempotency-Key": "one"})
    first, second = send(shopper, keyed, keyed)
    assert first["body"] == second["body"]
    assert second["headers"]["idempotent-replayed"] == "true"
    unkeyed = call("POST", "/api/order-item/", body)
    assert [each["body"]["quantity"] for each in send(shopper, unkeyed, unkeyed)] == [2, 3]


def test_versions_count(shop: Shop) -> None:
    product = shop.product()
    path = f"/api/product/{product['id']}/"
    tag = send(shop.staff, call("GET", path))[0]["headers"]["etag"]
    answers = send(
        shop.staff,
        call("GET", path, **{"If-None-Match": tag}),
        call("PATCH", path, {"price": 5}, **{"If-Match": tag}),
        call("PATCH", path, {"price": 6}, **{"If-Match": tag}),
    )
    assert [each["status"] for each in answers] == [304, 200, 412]
    assert answers[0]["body"] is None


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"calls": []},
        {"calls": [{"path": "/api/check/"}] * 21},
        {"calls": [{"path": "/docs"}]},
        {"calls": "x"},
        {"calls": [{"path": "/api/check/", "method": "CONNECT"}]},
        [],
    ],
)
def test_what_is_no_batch_is_refused_whole(shop: Shop, body: Any) -> None:
    answer: httpx.Response = shop.visitor.post("/api/batch/", body)
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_a_key_belongs_to_a_call(shop: Shop) -> None:
    body = {"calls": [{"path": "/api/check/"}]}
    answer = shop.visitor.post("/api/batch/", body, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, "Idempotency-Key" in answer.json()) == (400, True)


def test_no_call_can_pass_for_another(shop: Shop) -> None:
    word = f"poison{os.urandom(4).hex()}"
    product = shop.product(name=f"A {word}")
    path = f"/api/product/?search={word}"
    poisoned = {"calls": [{"path": f"{path}#&category=nothing&"}]}
    assert shop.visitor.post("/api/batch/", poisoned).status_code == 400
    assert [each["id"] for each in shop.visitor.get(path).json()] == [product["id"]]


def test_a_long_answer_is_compressed(shop: Shop) -> None:
    shop.product(description="long " * 500)
    calls = {"calls": [{"path": "/api/product/"}]}
    for takes, gets in (("gzip", "gzip"), ("identity", None)):
        answer = shop.visitor.post("/api/batch/", calls, headers={"Accept-Encoding": takes})
        assert answer.headers.get("Content-Encoding") == gets
        assert answer.json()["answers"][0]["status"] == 200
