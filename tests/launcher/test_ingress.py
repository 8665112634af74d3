"""The real HAProxy with the mended configuration, before replicas that die over requests."""

import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from pearshop.db.embedded_server import free_port, port_is_free
from pearshop.launcher import haproxy
from tests.launcher.ingress import serves_configuration
from tests.waiting import wait_for

CART = "/api/order-item/"
KEY = {"Idempotency-Key": "k"}


class Replica(ThreadingHTTPServer):
    """A replica that hangs up on each request while it is `deadly`; it notes their ids.

    While its `gate` is not set, requests stay under way.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.deadly = False
        self.gate = threading.Event()
        self.gate.set()
        self.seen: list[str | None] = []
        self.clients: list[list[str]] = []
        self.headers: list[list[str]] = []
        threading.Thread(target=self.serve_forever).start()

    def leave(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    """Answers 200, or not at all."""

    def do_GET(self) -> None:
        replica = self.server
        assert isinstance(replica, Replica)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/-/healthz":
            replica.seen.append(self.headers.get(haproxy.REQUEST_ID))
            replica.clients.append(self.headers.get_all(haproxy.CLIENT, []))
            replica.headers.append([name.lower() for name in self.headers])
            replica.gate.wait()
            if replica.deadly:
                self.close_connection = True
                return
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - named by http.server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def replicas() -> Iterator[list[Replica]]:
    made = [Replica(), Replica()]
    yield made
    for each in made:
        each.leave()


@pytest.fixture
def shop(replicas: list[Replica], tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a HAProxy before the replicas; a new connection for each request."""
    port = free_port()
    text = serves_configuration(tmp_path, port, [each.server_address[1] for each in replicas])
    file = tmp_path / "mended.cfg"
    text = text.replace("retry-on conn-failure", "retry-on conn-failure empty-response")
    file.write_text(haproxy.stopgap_of(haproxy.mended(text)))
    process = subprocess.Popen([haproxy._program(), "-db", "-f", str(file)])
    while port_is_free("127.0.0.1", port):
        time.sleep(0.01)
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=20) as client:
        yield client
    process.kill()
    process.wait()


def test_a_client_cannot_name_its_address(shop: httpx.Client, replicas: list[Replica]) -> None:
    forged = [("X-Ingress-Client", "203.0.113.9"), ("x-ingress-client", "203.0.113.8")]
    assert shop.get(CART, headers=forged).status_code == 200
    assert [each for replica in replicas for each in replica.clients] == [["127.0.0.1"]]


def test_a_client_cannot_steer_serve(shop: httpx.Client, replicas: list[Replica]) -> None:
    steering: dict[str, Any] = {
        "X-Request-ID": b"\xff",
        "x-request-disconnect-disabled": "?1",
        "X-Session-Id": "a",
        "x_session_id": "a",
        "serve_multiplexed_model_id": "a",
        "Serve-Multiplexed-Model-Id": "a",
        "X-Request-Timeout-Seconds": "9",
        "X-Serve-Router-Any": "a",
        "X-Request": "stays",
    }
    assert shop.get(CART, headers=steering).status_code == 200
    [arrived] = [each for replica in replicas for each in replica.headers]
    assert {name.lower() for name in steering} & set(arrived) == {"x-request"}


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [(["abc-1.X_"], True), (["a b"], False), (["a", "b"], False), (["x" * 65], False)],
)
def test_a_clients_request_id_goes_on_if_it_is_well_formed(
    shop: httpx.Client, replicas: list[Replica], sent: list[str], arrives: bool
) -> None:
    shop.get(CART, headers=[("X-Request-ID", each) for each in sent])
    [arrived] = [each for replica in replicas for each in replica.headers]
    assert ("x-request-id" in arrived) == arrives


def test_files_may_take_their_time(shop: httpx.Client, replicas: list[Replica]) -> None:
    paths = ("/api/product/import/", "/admin/product/import/try", "/admin/order/export")
    for path in paths:
        assert shop.post(path).status_code == 200
    for path in ("/api/product/1/", "/api/order/", "/admin/product/importing"):
        assert shop.post(path).status_code == 200
    allowed = [
        "x-request-timeout-seconds" in each for replica in replicas for each in replica.headers
    ]
    assert allowed.count(True) == len(paths)


def test_people_are_told_by_a_page_that_nobody_is_there(
    shop: httpx.Client, replicas: list[Replica]
) -> None:
    for each in replicas:
        each.leave()
    looked, sent = shop.get("/admin/order/"), shop.post("/admin/order/1")
    for answer in (looked, sent):
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Retry-After"] == "1"
        assert 'href="/admin/"' in answer.text
    assert haproxy.AGAIN in looked.text
    assert haproxy.LOOK in sent.text


def test_one_replica_takes_them_all_until_it_has_enough(
    shop: httpx.Client, replicas: list[Replica]
) -> None:
    for _ in range(10):
        shop.get(CART)
    preferred, other = replicas
    assert len(preferred.seen) == 10
    preferred.gate.clear()
    many = 2 * haproxy.ALONE_LIMIT
    with ThreadPoolExecutor(many) as pool:
        try:
            held = [pool.submit(shop.get, CART) for _ in range(haproxy.ALONE_LIMIT)]
            wait_for(lambda: len(preferred.seen) == 10 + haproxy.ALONE_LIMIT, "what it may have")
            assert not other.seen
            held += [pool.submit(shop.get, CART) for _ in range(haproxy.ALONE_LIMIT)]
            wait_for(lambda: len(other.seen) == haproxy.ALONE_LIMIT, "the other one's share")
        finally:
            preferred.gate.set()
        assert {each.result().status_code for each in held} == {200}


def test_the_other_replica_takes_what_the_preferred_one_cannot(
    shop: httpx.Client, replicas: list[Replica]
) -> None:
    assert shop.get(CART).status_code == 200
    replicas[0].leave()
    assert {shop.post("/api/login/", json={}).status_code for _ in range(20)} == {200}
    assert len(replicas[1].seen) == 20


def _ids(replicas: list[Replica]) -> list[str | None]:
    return [each for replica in replicas for each in replica.seen]


@pytest.mark.parametrize("headers", [{}, KEY])
def test_a_cart_command_is_sent_again_under_one_id_when_its_replica_dies(
    shop: httpx.Client, replicas: list[Replica], headers: dict[str, str]
) -> None:
    replicas[0].deadly = True
    for _ in range(4):
        assert shop.post(CART, json={}, headers=headers).status_code == 200
    assert replicas[0].seen
    assert set(replicas[0].seen) <= set(replicas[1].seen)
    assert len(set(_ids(replicas))) == 4


@pytest.mark.parametrize(("headers", "safe"), [({}, False), (KEY, True)])
def test_what_may_have_been_done_is_not_called_safe(
    shop: httpx.Client, replicas: list[Replica], headers: dict[str, str], safe: bool
) -> None:
    for each in replicas:
        each.deadly = True
    answer = shop.post(CART, json={}, headers=headers)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.json()["safe_to_repeat"] is safe


def test_a_sign_in_is_not_sent_twice(shop: httpx.Client, replicas: list[Replica]) -> None:
    for each in replicas:
        each.deadly = True
    answer = shop.post("/api/login/", json={})
    assert answer.status_code == 503
    assert answer.json()["safe_to_repeat"] is False
    assert len(_ids(replicas)) == 1


def test_what_reached_nobody_may_be_sent_again(shop: httpx.Client, replicas: list[Replica]) -> None:
    for each in replicas:
        each.leave()
    answer = shop.get("/api/product/")
    assert answer.status_code == 503
    assert answer.json()["safe_to_repeat"] is True


def test_who_sends_too_slowly_is_let_go(tmp_path: Path) -> None:
    mended = haproxy.mended(serves_configuration(tmp_path, 8000, [30000]))
    assert mended.count("timeout http-request") == 1
