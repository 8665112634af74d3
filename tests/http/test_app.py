"""The application without a shop behind it: bodies, sizes, slashes, paging, errors."""

import asyncio
import base64
import re
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from pearshop.errors import Unavailable
from pearshop.http import body, query
from pearshop.http.answers import json
from pearshop.http.app import ANSWERS, MODULES, App, make_app, openapi
from pearshop.http.dispatch import Dispatch
from pearshop.http.edge import AT_ONCE, Edge
from pearshop.http.paging import counted_pages, key_of, limit_of, next_page
from pearshop.schemas.order import OrderIn
from pearshop.schemas.query import Paged
from pearshop.settings import Settings

LIMIT = 2_000


def _app() -> App:
    shop = make_app(max_body_bytes=LIMIT)
    app = shop.described

    @app.post("/api/echo/")
    async def echo(request: Request) -> Response:
        return json((await body.read(request, OrderIn)).model_dump())

    @app.get("/api/page/")
    async def page(request: Request) -> Response:
        asked = query.read(request, Paged)
        if asked.offset is not None:
            return json([], headers=counted_pages(request, limit_of(asked), asked.offset, 7))
        key = key_of(asked.cursor, "price", (int, str))
        return json([limit_of(asked), key], headers=next_page(request, "price", (7, "8")))

    @app.post("/api/order-fault/")
    @app.post("/api/fault/")
    @app.get("/api/fault/")
    async def fault() -> None:
        raise Unavailable("Away.", unknown=True)

    @app.get("/api/defect/")
    async def defect() -> None:
        raise RuntimeError("secret detail")

    return shop


@pytest.fixture
def client() -> TestClient:
    return TestClient(_app(), "http://localhost", raise_server_exceptions=False)


GOOD = {"delivery_address": "Here", "order_item_ids": [1, 2], "expected_total_price": None}


def test_json_and_forms_say_the_same(client: TestClient) -> None:
    sent: dict[str, Any] = {"delivery_address": "Here", "order_item_ids": ["1", "2"]}
    multipart = [
        ("delivery_address", (None, "Here")),
        *(("order_item_ids", (None, each)) for each in ("1", "2")),
    ]
    answers = [
        client.post("/api/echo/", json=GOOD),
        client.post("/api/echo", json=GOOD),
        client.post("/api/echo/", data=sent),
        client.post(
            "/api/echo/", data={"delivery_address": "Here", "order_item_ids[]": ["1", "2"]}
        ),
        client.post("/api/echo/", files=multipart),
    ]
    assert [answer.json() for answer in answers] == [GOOD] * len(answers)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 1_900, "application/json", 400),
        (b'{"delivery_address": "\\ud800", "order_item_ids": [1]}', "application/json", 400),
        (b'{"delivery_address": "a\\u0000", "order_item_ids": [1]}', "application/json", 400),
        (b'{"delivery_address": "a", "order_item_ids": [true]}', "application/json", 400),
        (b'{"delivery_address": "a", "order_item_ids": [1e40]}', "application/json", 400),
        (b"x", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=y", 400),
        (b"<a/>", "application/xml", 415),
        (b"x" * (LIMIT + 1), "application/json", 413),
    ],
)
def test_bad_bodies_get_a_clear_answer(
    client: TestClient, content: bytes, kind: str, status: int
) -> None:
    answer = client.post("/api/echo/", content=content, headers={"content-type": kind})
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


def test_a_body_of_unstated_length_is_stopped_at_the_limit(client: TestClient) -> None:
    chunks = (b"x" * 500 for _ in range(100))
    answer = client.post("/api/echo/", content=chunks, headers={"content-type": "application/json"})
    assert answer.status_code == 413


def test_each_bad_field_is_named(client: TestClient) -> None:
    problems = client.post("/api/echo/", json={"order_item_ids": []}).json()
    assert problems["delivery_address"] == ["Field required"]
    assert len(problems["order_item_ids"]) == 1


def test_a_cursor_leads_on(client: TestClient) -> None:
    first = client.get("/api/page/?limit=3")
    assert first.json() == [3, None]
    assert client.get(first.links["next"]["url"]).json() == [3, [7, "8"]]


@pytest.mark.parametrize(
    ("offset", "leads"),
    [
        (0, {"first": 0, "next": 3, "last": 6}),
        (3, {"first": 0, "prev": 0, "next": 6, "last": 6}),
        (6, {"first": 0, "prev": 3, "last": 6}),
        (90, {"first": 0, "prev": 6, "last": 6}),
    ],
)
def test_an_offset_is_counted_and_leads_everywhere(
    client: TestClient, offset: int, leads: dict[str, int]
) -> None:
    answer = client.get(f"/api/page/?limit=3&offset={offset}")
    assert answer.headers["X-Total-Count"] == "7"
    assert {rel: link["url"] for rel, link in answer.links.items()} == {
        rel: f"/api/page/?limit=3&offset={to}" for rel, to in leads.items()
    }


def _cursor(*members: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(members)).decode()


BAD_CURSORS = [
    "x",
    "MQ",
    "\u00e9",
    _cursor(),
    _cursor("price", 7),
    _cursor("price", 7, "8", 9),
    _cursor("name", 7, "8"),
    _cursor("price", "7", "8"),
    _cursor("price", True, "8"),
    _cursor("price", -1, "8"),
    _cursor("price", 1 << 63, "8"),
    _cursor("price", 7, "x" * 401),
    _cursor("price", 7, "\0"),
]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "limit=x",
        "limit=3&limit=3",
        "offset=-1",
        "offset=1000001",
        "colour=red",
        *(f"cursor={quote(each)}" for each in BAD_CURSORS),
    ],
)
def test_bad_paging_names_the_parameter(client: TestClient, query: str) -> None:
    answer = client.get(f"/api/page/?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.json()


def test_an_offset_and_a_cursor_exclude_each_other(client: TestClient) -> None:
    answer = client.get(f"/api/page/?offset=1&cursor={_cursor('price', 7, '8')}")
    assert (answer.status_code, "cursor and offset" in answer.json()["detail"]) == (400, True)


@pytest.mark.parametrize(
    ("method", "path", "headers", "safe"),
    [
        ("POST", "/api/order-fault/", {}, False),
        ("POST", "/api/order-fault/", {"Idempotency-Key": "k"}, True),
        ("POST", "/api/fault/", {"Idempotency-Key": "k"}, False),  # no key counts there
        ("GET", "/api/fault/", {}, True),
    ],
)
def test_a_fault_says_whether_to_repeat(
    client: TestClient, method: str, path: str, headers: dict[str, str], safe: bool
) -> None:
    answer = client.request(method, path, headers=headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["safe_to_repeat"] is safe


def test_a_defect_tells_nothing(client: TestClient) -> None:
    answer = client.get("/api/defect/")
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_unknown_paths_and_methods(client: TestClient) -> None:
    assert client.get("/api/nothing/").status_code == 404
    wrong = client.delete("/api/echo/")
    assert wrong.status_code == 405
    assert wrong.headers["allow"] == "POST"


def test_the_document_describes_itself_without_a_shop() -> None:
    document = openapi()
    assert "/api/order-item/{line}/" in document["paths"]
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for item in document["paths"].values():
        assert all({"429", "503"} <= set(operation["responses"]) for operation in item.values())


async def test_what_takes_too_long_is_answered_in_time_and_in_doubt() -> None:
    async def hang(_: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    router = APIRouter(prefix="/api/order")
    router.add_api_route("/", hang, methods=["GET", "POST"])
    client = TestClient(Dispatch(FastAPI(), [router], ANSWERS, timeout=0.01))
    for method, safe in (("GET", True), ("POST", False)):
        answer = client.request(method, "/api/order/")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "1"
        assert answer.json()["safe_to_repeat"] is safe
    keyed = client.post("/api/order/", headers={"Idempotency-Key": "k"})
    assert keyed.json()["safe_to_repeat"] is True


@pytest.mark.parametrize(
    ("method", "path", "template"),
    [
        ("POST", "/api/order/5/cancel/", "/api/order/{order_id}/cancel/"),
        ("POST", "/api/order/5/", None),
        ("DELETE", "/api/user/5/sessions/", "/api/user/{user_id}/sessions/"),
        ("DELETE", "/api/user/5/", None),
        ("PATCH", "/api/order/5/", "/api/order/{order_id}/"),
        ("HEAD", "/api/media/x/", "/api/media/{image_name}/"),
        ("GET", "/api/media/", None),
        ("GET", "/api/order//", None),
    ],
)
def test_what_follows_an_id_is_part_of_the_address(
    method: str, path: str, template: str | None
) -> None:
    routers = [module.router for module in MODULES]
    found = Dispatch(FastAPI(), routers, ANSWERS, 1).find(
        {"type": "http", "method": method, "path": path}
    )
    assert (found[1] if found else None) == template


async def test_more_than_a_replica_takes_is_refused_at_once() -> None:
    gate = asyncio.Event()
    answers: list[Message] = []

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()

    async def receive() -> Message:
        raise AssertionError("not read")

    async def send(message: Message) -> None:
        answers.append(message)

    edge = Edge(slow, max_body_bytes=10)
    scope = {"type": "http", "method": "POST", "path": "/api/login", "headers": []}
    under_way = [asyncio.create_task(edge(dict(scope), receive, send)) for _ in range(AT_ONCE)]
    await asyncio.sleep(0)
    await edge(dict(scope), receive, send)
    assert answers[0]["status"] == 503
    assert orjson.loads(answers[1]["body"])["safe_to_repeat"] is True
    gate.set()
    await asyncio.gather(*under_way)
    answers.clear()
    await edge(dict(scope), receive, send)
    assert answers == []


def test_no_link_leads_beyond_the_largest_offset() -> None:
    scope = {"type": "http", "path": "/api/order-item/", "query_string": b"", "headers": []}
    for offset, leads in ((9_900, {"first", "prev", "next"}), (10_000, {"first", "prev"})):
        headers = counted_pages(Request(scope), 100, offset, 10_300, most=10_000)
        assert set(re.findall(r'rel="(\w+)"', headers["Link"])) == leads


def test_a_defect_in_a_batch_is_answered_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    shop = _app()
    shop.state.services = SimpleNamespace(settings=Settings())  # with no products to ask
    calls = [{"method": "GET", "path": "/api/product/1/"}]
    answer = TestClient(shop, "http://localhost").post("/api/batch/", json={"calls": calls})
    [of_call] = answer.json()["answers"]
    assert (of_call["status"], of_call["body"]["code"]) == (500, "defect")
    assert "/api/product/1/ met a defect" in caplog.text
