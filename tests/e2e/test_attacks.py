"""What an attacker sends: to the database, to other people's browsers, in other people's names."""

import contextlib
import re
import socket
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import func, select

from pearshop.db.tables import users
from pearshop.http.app import openapi
from tests.e2e.conftest import PASSWORD, Caller, Shop
from tests.e2e.test_cart import CART, add, cart_of, order

SQL = [
    *("'", "' OR '1'='1", "'; DROP TABLE users; --", "1; SELECT pg_sleep(60)", "1 OR 1=1"),
    *("') UNION SELECT username FROM users --", "\\'; SELECT 1 --", "$1", "%s", "%(id)s"),
    *(
        "' || (SELECT version()) || '",
        "{0}",
        ":name",
        "\uff07",
    ),
]
HTML = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "</script><svg/onload=alert(1)>",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "javascript:alert(1)",
]
LEAKS = re.compile(r"\$argon2|PostgreSQL \d|psycopg|sqlalchemy|syntax error|Traceback", re.I)
DOCUMENT = openapi()
QUERIES = [
    pytest.param(path, parameter["name"], id=f"{path} {parameter['name']}")
    for path, item in DOCUMENT["paths"].items()
    for parameter in item.get("get", {}).get("parameters", [])
    if parameter["in"] == "query" and "{" not in path
]


def assert_calm(answer: httpx.Response) -> None:
    """Nothing broke, nothing leaks, and no browser takes it for a page."""
    assert answer.status_code < 500, answer.text
    assert not LEAKS.search(answer.text)
    assert answer.headers["Content-Type"] in {"application/json", "text/csv; charset=utf-8"}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


class TestSql:
    @pytest.mark.parametrize(("path", "name"), QUERIES)
    def test_in_every_parameter_is_a_value_like_any_other(
        self, shop: Shop, path: str, name: str
    ) -> None:
        for payload in SQL:
            answer = shop.staff.get(path, params={name: payload})
            assert_calm(answer)
            if name != "search":  # which finds the words in it
                nothing = "[]" if answer.text.startswith("[") else f"{answer.text.split()[0]}\r\n"
                assert answer.status_code == 400 or answer.text == nothing, payload

    @pytest.mark.parametrize("payload", SQL)
    def test_in_every_text_is_text(self, shop: Shop, payload: str) -> None:
        members = {"name": payload, "description": payload, "category": f"In {payload}"}
        product = shop.product(**members, price=1)
        assert {name: product[name] for name in members} == members
        shopper = shop.shopper()
        line = add(shopper, product)
        placed = {"delivery_address": payload, "order_item_ids": [line["id"]]}
        key = {"Idempotency-Key": payload.encode()}
        ordered = shopper.post("/api/order/", placed, headers=key)
        assert ordered.json()["delivery_address"] == payload
        for body in ({"username": payload, "password": payload * 9}, {"refresh": payload}):
            for path in ("/api/login/", "/api/token/refresh/"):
                assert_calm(answer := shop.visitor.post(path, body))
                assert answer.status_code in {400, 401}
        with shop.engine.connect() as connection:
            assert connection.execute(select(func.count()).select_from(users)).scalar_one() > 1


class TestHtml:
    @pytest.mark.parametrize("payload", HTML)
    def test_in_every_text_comes_back_as_data(self, shop: Shop, payload: str) -> None:
        product = shop.product(name=payload, description=payload, category=payload, image="")
        who = {"username": f"{payload} {product['id']}", "password": PASSWORD}
        assert_calm(made := shop.visitor.post("/api/register/", who))
        assert made.json()["username"] == who["username"]
        shopper = shop.sign_in(**who)
        line = add(shopper, product)
        placed = {"delivery_address": payload, "order_item_ids": [line["id"]]}
        assert_calm(ordered := shopper.post("/api/order/", placed))
        assert ordered.json()["delivery_address"] == payload
        for answer in (
            *(shop.visitor.get("/api/product/", params={"category": payload}), made, ordered),
            *(shop.visitor.get("/api/product/", params={name: payload}) for name in ("x", "limit")),
            *(shop.visitor.get("/api/category/"), shopper.get("/api/order/")),
            shop.visitor.get(f"/api/{payload}/"),
        ):
            assert_calm(answer)


SECURED = [
    (method, path, "403" in operation["responses"])
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if "security" in operation
]


class TestFunctions:
    """Broken function level authorisation: who may call what at all."""

    @staticmethod
    def _called(caller: Caller, method: str, path: str) -> int:
        address = re.sub(r"\{\w+\}", "1", path)
        return caller.call(method.upper(), address, json={}).status_code

    @pytest.mark.parametrize(("method", "path", "_"), SECURED)
    def test_are_for_the_signed_in(self, shop: Shop, method: str, path: str, _: bool) -> None:
        forged = Caller(shop.http, tokens={"access": shop.shopper().tokens["refresh"]})
        for caller in (shop.visitor, forged):
            assert self._called(caller, method, path) == 401

    @pytest.mark.parametrize(("method", "path"), [each[:2] for each in SECURED if each[2]])
    def test_of_staff_are_for_staff(self, shop: Shop, method: str, path: str) -> None:
        assert self._called(shop.shopper(), method, path) == 403


class TestOthersIds:
    """Broken object level authorisation: whatever has an id in its address belongs to somebody."""

    OWNED = (
        "/api/order-item/{line}/",
        "/api/order/{order_id}/",
        "/api/order/{order_id}/cancel/",
        "/api/session/{session_id}/",
    )
    PUBLIC = ("/api/product/{product_id}/", "/api/media/{image_name}/")
    STAFFS = frozenset((method, path) for method, path, is_staffs in SECURED if is_staffs)

    def test_every_address_with_an_id_is_looked_at_here(self) -> None:
        others = {
            path
            for path, item in DOCUMENT["paths"].items()
            if "{" in path and any((method, path) not in self.STAFFS for method in item)
        }
        assert {*self.OWNED, *self.PUBLIC} == others

    def test_are_not_there(self, shop: Shop) -> None:
        owner, product = shop.shopper(), shop.product()
        placed = order(owner, add(owner, product))
        line = add(owner, product)
        [session] = owner.get("/api/session/").json()
        ids = {"order-item": line["id"], "order": placed["id"], "session": session["id"]}
        addresses = {"order-item": f"{CART}{line['id']}/", "order": f"/api/order/{placed['id']}/"}
        strangers = {404: shop.shopper(), 401: shop.visitor}
        for status, stranger in strangers.items():
            for path in self.OWNED:
                for method in DOCUMENT["paths"][path]:
                    if (method, path) in self.STAFFS:
                        continue
                    address = re.sub(r"\{\w+\}", str(ids[path.split("/")[2]]), path)
                    answer = stranger.call(method.upper(), address, json={"quantity": 9})
                    assert answer.status_code == status, (method, address, answer.text)
                    assert owner.username not in answer.text
        thief = strangers[404]
        stolen = {"delivery_address": "Here", "order_item_ids": [line["id"]]}
        assert thief.post("/api/order/", stolen).json()["code"] == "line_unknown"
        batch = {"calls": [{"path": each} for each in addresses.values()]}
        assert [each["status"] for each in thief.post("/api/batch/", batch).json()["answers"]] == [
            404,
            404,
        ]
        assert thief.get(CART).json() == thief.get("/api/order/").json() == []
        assert cart_of(owner) == [line]
        assert owner.get(addresses["order"]).json() == placed

    def test_of_products_change_nothing_for_shoppers(self, shop: Shop) -> None:
        product = shop.product()
        address = f"/api/product/{product['id']}/"
        for status, caller in {403: shop.shopper(), 401: shop.visitor}.items():
            for method in ("PUT", "PATCH", "DELETE"):
                changed = caller.call(method, address, json={"name": "Mine", "price": 0})
                assert changed.status_code == status
        assert shop.visitor.get(address).json() == product


MORE = {
    "id": 1,
    "user": 1,
    "user_id": 1,
    "username": "root",
    "is_staff": True,
    "staff": True,
    "total_price": 0,
    "price": 0,
    "created_at": "2000-01-01T00:00:00Z",
    "version": 1,
}


class TestMassAssignment:
    def test_nobody_makes_themselves_staff(self, shop: Shop) -> None:
        who = {"username": f"{shop.shopper().username}-root", "password": PASSWORD}
        made = shop.visitor.post("/api/register/", MORE | who)
        assert made.json() == {"username": who["username"]}
        tokens = shop.visitor.post("/api/login/", MORE | who).json()
        caller = Caller(shop.http, who["username"], tokens)
        assert caller.post("/api/product/", {"name": "x", "price": 1}).status_code == 403

    def test_nobody_chooses_owner_price_or_id(self, shop: Shop) -> None:
        shopper, product = shop.shopper(), shop.product(price=250)
        before = add(shopper, product)
        calls: list[tuple[str, str, dict[str, Any]]] = [
            ("POST", CART, {"product_id": product["id"], "quantity": 1}),
            ("PUT", f"{CART}{before['id']}/", {"quantity": 2}),
            ("PATCH", f"{CART}{before['id']}/", {"quantity": 2}),
        ]
        for method, path, body in calls:
            line = shopper.call(method, path, json=MORE | body).json()
            assert (line["id"], line["user"], line["total_price"]) == (
                before["id"],
                before["user"],
                500,
            )
        wish = {"delivery_address": "Here", "order_item_ids": [before["id"]]}
        placed = shopper.post("/api/order/", MORE | wish).json()
        assert placed["user"] == before["user"]
        assert placed["total_price"] == 500
        assert not placed["created_at"].startswith("2000")


def _raw(shop: Shop, request: bytes, *, end: bool = True) -> bytes:
    """Send bytes and return what comes back until the shop closes the connection."""
    at = urlsplit(shop.run["api_url"])
    with socket.create_connection((at.hostname, at.port or 80), timeout=60) as connection:
        connection.sendall(request)
        if end:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


class TestHeaders:
    @pytest.mark.parametrize("path", ["/api/product/", "/api/category/", CART, "/api/order/"])
    def test_no_parameter_becomes_a_header(self, shop: Shop, path: str) -> None:
        shop.product(), shop.product()
        for name in ("search", "limit", "cursor", "category", "fields", "ordering"):
            value = "1\r\nSet-Cookie: a=b\r\n\r\n<script>"
            answer = shop.staff.get(
                path, params={name: value, "limit": 1} if name != "limit" else {name: value}
            )
            assert_calm(answer)
            assert "Set-Cookie" not in answer.headers

    def test_a_corrected_search_tells_words_alone(self, shop: Shop) -> None:
        shop.product(name="Marmalade")
        answer = shop.visitor.get(
            "/api/product/", params={"search": "marmelade\r\nSet-Cookie: a=b"}
        )
        assert_calm(answer)
        assert "Set-Cookie" not in answer.headers

    @pytest.mark.parametrize(
        "head",
        [
            b"Content-Length: 4\r\nTransfer-Encoding: chunked",
            b"Content-Length: 4\r\nContent-Length: 40",
            b"Content-Length: -1",
            b"Content-Length: 0x4",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            b"Transfer-Encoding:\x0bchunked",
            b"Broken\r\n Folded: x",
        ],
    )
    def test_two_readings_of_one_request_are_refused_or_read_one_way(
        self, shop: Shop, head: bytes
    ) -> None:
        smuggled = b"GET /api/smuggled/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
        told = _raw(
            shop,
            b"POST /api/login/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            + head
            + b"\r\n\r\n0\r\n\r\n"
            + smuggled,
        )
        assert told.startswith(b"HTTP/1.")
        assert told.split(b" ", 2)[1][:1] == b"4"
        assert told.count(b"HTTP/1.") == 1

    def test_a_batch_takes_no_line_breaks(self, shop: Shop) -> None:
        for call in (
            {"path": "/api/check/\r\nX: y"},
            {"path": "/api/check/", "headers": {"Idempotency-Key": "a\r\nX: y"}},
            {"path": "/api/check/", "headers": {"Authorization": "Bearer x"}},
            {"path": "/api/check/", "headers": {"Host": "elsewhere.example"}},
        ):
            assert shop.staff.post("/api/batch/", {"calls": [call]}).status_code == 400


class TestBombs:
    def test_a_compressed_body_is_not_unpacked(self, shop: Shop) -> None:
        packer = zlib.compressobj(9, wbits=31)
        parts = (packer.compress(b"x" * 1_000_000) for _ in range(200))
        bomb = packer.compress(b'{"username": "') + b"".join(parts) + packer.flush()
        assert len(bomb) < 1_000_000
        for coding in ("gzip", "deflate", "br", "identity, gzip"):
            headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
            answer = shop.visitor.call("POST", "/api/login/", content=bomb, headers=headers)
            assert answer.status_code == 415
            assert "uncompressed" in answer.json()["detail"]
            assert_calm(answer)


class TestSlowness:
    """Clients that send a little now and then; meanwhile others are served."""

    @pytest.fixture
    def slow(self, shop: Shop) -> Iterator[dict[str, bytes]]:
        head = b"POST /api/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        sent = {
            "in the head": head,
            "in a short body": head + b"Content-Length: 99\r\n\r\n{",
            "in a long body": head + b"Content-Length: 99000\r\n\r\n" + b" " * 40_000,
        }
        with ThreadPoolExecutor(len(sent)) as pool:
            told = {name: pool.submit(_raw, shop, each, end=False) for name, each in sent.items()}
            with httpx.Client(base_url=shop.run["api_url"], timeout=30) as other:
                assert other.get("/api/category/").status_code == 200
            yield {name: each.result() for name, each in told.items()}

    def test_gets_a_clear_answer_and_an_end(self, slow: dict[str, bytes]) -> None:
        for when, told in slow.items():
            assert told.startswith(b"HTTP/1."), when
            assert told.split(b" ", 2)[1] == b"408", (when, told)
            # Of half a head HAProxy makes no request, and answers in its own words.
            assert b'"detail"' in told or when == "in the head"

    def test_many_do_not_keep_others_out(self, shop: Shop) -> None:
        at = urlsplit(shop.run["api_url"])
        with contextlib.ExitStack() as stack:
            for _ in range(400):
                each = stack.enter_context(
                    socket.create_connection((at.hostname, at.port or 80), 60)
                )
                each.sendall(
                    b"POST /api/login/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"
                )
            with httpx.Client(base_url=shop.run["api_url"], timeout=30) as other:
                assert {other.get("/api/category/").status_code for _ in range(20)} == {200}
