"""The shop behind a real nginx, configured as deploy/nginx ships it."""

import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e import nginx
from tests.e2e.conftest import PASSWORD, STAFF_PASSWORD, Caller, Shop
from tests.e2e.nginx import Nginx
from tests.e2e.test_images import upload
from tests.http.media.pictures import picture, saved
from tests.waiting import wait_for

LOGIN = "/api/login/"


def _upstream(shop: Shop) -> str:
    return str(shop.run["api_url"]).removeprefix("http://")


@pytest.fixture(scope="module")
def edge(shop: Shop, own_folder: Path) -> Iterator[Nginx]:
    """An nginx before the shop that all tests of this module share."""
    changes = {"http.conf": {"client_header_timeout 10s": "client_header_timeout 1s"}}
    with nginx.running(own_folder / "nginx", _upstream(shop), changes) as running:
        yield running


def _client(edge: Nginx, number: int = 1, **more: Any) -> httpx.Client:
    """A client with an address of its own: limits are held by address."""
    transport = httpx.HTTPTransport(local_address=f"127.0.1.{number}", **more)
    return httpx.Client(base_url=edge.url, timeout=30, transport=transport)


@pytest.fixture
def http(edge: Nginx) -> Iterator[httpx.Client]:
    """A client of the edge."""
    with _client(edge) as client:
        yield client


def _cache(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.headers.get("X-Cache", ""))


class TestCache:
    def test_the_catalogue_is_fetched_once_and_a_change_is_seen(
        self, shop: Shop, http: httpx.Client
    ) -> None:
        product = shop.product(name="Cached pear", price=1)
        path = f"/api/product/{product['id']}/"
        assert _cache(http.get(path)) == "MISS"

        def is_hit() -> bool:
            return _cache(http.get(path)) == "HIT"

        wait_for(is_hit, "a hit")  # it lives for seconds, and this machine may be busy
        assert shop.staff.patch(path, {"price": 2}).status_code == 200
        wait_for(lambda: shop.http.get(path).json()["price"] == 2, "the shop's knowing it")
        # `max-age` and `stale-while-revalidate`, and a second for a busy machine.
        wait_for(lambda: http.get(path).json()["price"] == 2, "the new price", 3 + 3 + 1)
        answer = http.get(path)
        known = http.get(path, headers={"If-None-Match": answer.headers["ETag"]})
        assert known.status_code == 304

    def test_whoever_is_signed_in_asks_the_shop_by_their_own_tag(
        self, shop: Shop, http: httpx.Client
    ) -> None:
        path = f"/api/product/{shop.product()['id']}/"
        http.get(path)  # kept, with its tag
        shopper = Caller(http, tokens=shop.shopper().tokens)
        tag = shopper.get(path).headers["ETag"]
        assert shopper.get(path, headers={"If-None-Match": tag}).status_code == 304
        assert shopper.get(path, headers={"If-None-Match": '"another"'}).status_code == 200

    def test_of_many_who_want_the_same_one_fetches_it(self, shop: Shop, edge: Nginx) -> None:
        path = f"/api/product/?search={shop.product(name='Quickly wanted')['name']}"

        def ask(_: int) -> str:
            with _client(edge) as client:
                return _cache(client.get(path))

        with ThreadPoolExecutor(20) as pool:
            told = list(pool.map(ask, range(20)))
        # Beside a hit there may be those who come in the moment in which it is replaced.
        assert told.count("MISS") == 1
        assert set(told) <= {"MISS", "HIT", "STALE", "UPDATING"}

    def test_the_catalogue_is_shown_while_the_shop_is_away(
        self, shop: Shop, own_folder: Path
    ) -> None:
        upstream = _upstream(shop)
        with nginx.running(own_folder / "alone", upstream) as edge, _client(edge) as http:
            shown = http.get("/api/category/")
            edge.lead_nowhere(upstream)
            wait_for(lambda: _cache(http.get("/api/category/")) == "STALE", "its cache running out")
            assert http.get("/api/category/").json() == shown.json()
            page = http.get("/admin/order/")
            assert page.status_code == 503
            assert page.headers["Content-Type"] == "text/html; charset=utf-8"
            assert "The shop cannot be reached" in page.text
            for method, path, key, is_safe in (
                ("GET", "/api/order/", {}, True),
                ("POST", "/api/order/", {}, False),
                ("POST", "/api/order/", {"Idempotency-Key": "1"}, True),
                ("POST", LOGIN, {"Idempotency-Key": "1"}, False),
            ):
                away = http.request(method, path, headers=key)
                assert away.status_code == 503
                assert away.headers["Retry-After"] == "1"
                assert away.headers["Cache-Control"] == "private, no-store"
                assert away.json()["safe_to_repeat"] is is_safe

    def test_nothing_of_anyone_is_kept(self, shop: Shop, edge: Nginx, http: httpx.Client) -> None:
        product = shop.product(name="Public pear")
        people = [shop.shopper(), shop.shopper(), shop.staff]
        for person in people:
            caller = Caller(http, person.username, person.tokens)
            wish = {"product_id": product["id"], "quantity": 1}
            line = caller.post("/api/order-item/", wish).json()
            placed = {"delivery_address": f"{caller.username} Road", "order_item_ids": [line["id"]]}
            order = caller.post("/api/order/", placed).json()
            caller.post("/api/order-item/", wish)
            credentials = {"username": caller.username, "password": PASSWORD}
            for answer in (
                *(
                    caller.get("/api/order-item/"),
                    caller.get("/api/order/"),
                    caller.get(f"/api/order/{order['id']}/"),
                ),
                *(http.post(LOGIN, json=credentials), caller.get("/api/check/")),
                caller.post("/api/batch/", {"calls": [{"path": "/api/order/"}]}),
            ):
                assert "X-Cache" not in answer.headers, answer.url
            for path in ("/api/product/", f"/api/product/{product['id']}/", "/api/category/"):
                assert _cache(http.get(path)) in {
                    "MISS",
                    "HIT",
                    "STALE",
                    "UPDATING",
                    "EXPIRED",
                    "REVALIDATED",
                }
                for cookie in ({}, {"Cookie": "any=1"}):
                    assert _cache(caller.get(path, headers=cookie)) == "BYPASS"
                assert _cache(http.get(path, headers={"Cookie": "any=1"})) == "BYPASS"
        kept = edge.cached()
        assert b"Public pear" in kept
        for caller in people:
            assert caller.username.encode() not in kept
            assert caller.tokens["access"].encode() not in kept

    def test_an_image_is_fetched_once(self, shop: Shop, http: httpx.Client) -> None:
        large = saved(picture((300, 300)), "PNG").ljust(5_000_000, b"\0")
        told = upload(Caller(http, tokens=shop.staff.tokens), large)
        assert told.status_code == 201, told.text
        assert told.json()["image"].startswith(str(http.base_url))
        assert [_cache(http.get(told.json()["image"])) for _ in range(3)] == ["MISS", "HIT", "HIT"]

    def test_what_was_refused_is_not_kept(self, http: httpx.Client) -> None:
        unknown = f"/api/media/{'0' * 40}-large.webp"
        for path in (unknown, "/api/product/999999999/", "/api/product/?limit=0"):
            assert [http.get(path).headers["X-Cache"] for _ in range(3)] == ["MISS"] * 3


class TestCompression:
    @pytest.mark.parametrize(
        ("takes", "gets"),
        [("", None), ("gzip;q=0", None), ("gzip", "gzip"), ("br, gzip;q=0.5, *;q=0", "gzip")],
    )
    def test_pages_of_products(
        self, shop: Shop, http: httpx.Client, takes: str, gets: str | None
    ) -> None:
        shop.product(name="Compressed pear", description="long " * 500)
        for _ in range(2):
            answer = http.get("/api/product/?search=compressed", headers={"Accept-Encoding": takes})
            assert answer.headers.get("Content-Encoding") == gets
            assert answer.json()[0]["name"] == "Compressed pear"

    def test_what_comes_plain_is_compressed_here(self, http: httpx.Client) -> None:
        answer = http.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.json()["openapi"]

    def test_brotli_where_its_module_is(self, shop: Shop, own_folder: Path) -> None:
        if not nginx.BROTLI.exists():
            pytest.skip(f"nginx has no brotli module: {nginx.INSTALL}")
        folder = own_folder / "brotli"
        changes = {"nginx.conf": {f"# include {folder}/brotli": f"include {folder}/brotli"}}
        with nginx.running(folder, _upstream(shop), changes) as edge, _client(edge) as http:
            answer = http.get("/docs", headers={"Accept-Encoding": "gzip, deflate, br"})
            assert answer.headers["Content-Encoding"] == "br"


class TestLimits:
    def test_its_own_refusals_speak_as_the_shop_does(self, http: httpx.Client) -> None:
        refused = {
            413: http.post(LOGIN, content=b"x" * 1_100_000),
            414: http.get("/api/product/?search=" + "x" * 20_000),
            400: http.get("/api/product/", headers={"X-Long": "x" * 20_000}),
            405: http.request("TRACE", "/api/product/"),
            404: http.get("/refused/away"),
            421: http.get("/api/product/", headers={"Host": "elsewhere.example"}),
        }
        for status, answer in refused.items():
            body = answer.json()
            assert answer.status_code == body["status"] == status
            assert body["detail"]
            assert body["code"]
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Content-Type"] == "application/json"

    def test_sign_in_is_limited_by_address(self, edge: Nginx) -> None:
        with _client(edge, 2) as http, _client(edge, 3) as neighbour:
            told = [http.post(LOGIN) for _ in range(80)]
            refused = [each for each in told if each.status_code == 429]
            assert [each.status_code for each in told[:30]] == [400] * 30
            assert refused
            assert refused[0].headers["Retry-After"] == "1"
            assert refused[0].json()["code"] == "too_many_requests"
            assert http.get("/api/category/").status_code == 200
            assert neighbour.post(LOGIN).status_code == 400

    def test_connections_are_limited_by_address(self, edge: Nginx) -> None:
        head = b"POST /api/order/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n"

        def is_reached() -> bool:
            """Hold as many as are allowed, for less than the 10 s that they may be silent."""
            with ExitStack() as stack, _client(edge, 4) as http, _client(edge, 3) as neighbour:
                for _ in range(100):
                    slow = socket.create_connection(
                        ("127.0.0.1", edge.port), 30, source_address=("127.0.1.4", 0)
                    )
                    stack.enter_context(slow).sendall(head)
                until = time.monotonic() + 5
                while http.get("/api/category/").status_code != 429:
                    if time.monotonic() > until:  # the machine stood still meanwhile: once more
                        return False
                    time.sleep(0.1)  # more often, and another limit would answer
                assert neighbour.get("/api/category/").status_code == 200
                return True

        wait_for(is_reached, "the limit")
        with _client(edge, 4) as http:
            wait_for(lambda: http.get("/api/category/").status_code == 200, "its end")

    def test_who_sends_too_slowly_is_shown_out(self, edge: Nginx) -> None:
        with socket.create_connection(("127.0.0.1", edge.port), 30) as slow:
            slow.sendall(b"GET /api/product/ HTTP/1.1\r\nHost: ")
            with contextlib.suppress(ConnectionResetError):
                assert slow.recv(100) == b""


class TestAdmin:
    def test_staff_work_through_it(self, shop: Shop, http: httpx.Client) -> None:
        wish = {"username": shop.run["staff_username"], "password": STAFF_PASSWORD}
        assert http.post("/admin/sign-in", data=wish).status_code == 303
        page = http.get("/admin/order/")
        assert page.headers["Cache-Control"] == "private, no-store"
        assert "X-Cache" not in page.headers
        product = shop.product(name="Behind an edge")
        path = f"/admin/product/{product['id']}/image"
        image = saved(picture((1500, 1500)), "PNG")
        assert http.post(path, files={"file": image}).status_code == 303
        kept = shop.http.get(f"/api/product/{product['id']}/").json()["image"]
        assert kept.startswith(str(http.base_url)), "an image's address is where people reach it"
        assert httpx.get(kept).status_code == 200
        rows = "name,price\n" + "".join(f"{'Edge ' * 40}{each},1\n" for each in range(6_000))
        tried = http.post("/admin/product/import/try", files={"file": rows.encode()})
        assert "Import 6,000 products" in tried.text

    def test_people_are_told_by_pages(self, http: httpx.Client) -> None:
        large = http.post("/admin/sign-in", content=b"x" * 1_100_000)
        assert large.status_code == 413
        assert large.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "That is too large" in large.text


class TestAddresses:
    def test_a_log_tells_neither_who_asked_nor_for_what(
        self, shop: Shop, edge: Nginx, http: httpx.Client
    ) -> None:
        shopper = Caller(http, tokens=shop.shopper().tokens)
        path = f"/api/product/{shop.product()['id']}/"
        shopper.get(f"{path}?fields=id&embarrassing")
        wait_for(lambda: f'"path":"{path}"' in edge.log(), "its line in the log")
        for secret in ("embarrassing", "127.0.1.1", shopper.tokens["access"]):
            assert secret not in edge.log()


class TestTls:
    def test_http_leads_to_https_which_stays(self, shop: Shop, own_folder: Path) -> None:
        with nginx.with_tls(own_folder / "tls", _upstream(shop)) as (edge, certificate):
            trust = ssl.create_default_context(cafile=str(certificate))
            with httpx.Client(verify=trust) as http:
                led = http.get(f"{edge.url}/api/product/?limit=1")
                assert led.status_code == 308
                assert led.headers["Location"] == "https://127.0.0.1/api/product/?limit=1"
                for path in ("/api/product/", "/api/order/", "/" + "x" * 30_000):
                    answer = http.get(f"https://127.0.0.1:{edge.tls_port}{path}", timeout=30)
                    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
