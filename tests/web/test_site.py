"""How the app's files are served."""

import gzip

import pytest
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient

from pearshop.web.app import bundle
from pearshop.web.app.site import Site

BUNDLE = bundle.read()
MAIN = next(each.path for each in BUNDLE.files if "/main." in each.path)


@pytest.fixture
def client() -> TestClient:
    return TestClient(Site(BUNDLE, PlainTextResponse("elsewhere", 418)))


@pytest.mark.parametrize("path", ["/", "/product/12", "/cart", "/orders/3", "/account", "/orders/"])
def test_screens_are_the_page(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content) == (200, BUNDLE.page.content)
    assert answer.headers["Cache-Control"] == "no-cache"
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self';" in policy


@pytest.mark.parametrize("path", ["/docs", "/api/product/", "/product/x", "/cart/1", "/main.js"])
def test_all_else_is_somebody_elses(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 418


def test_named_files_are_kept_for_good_and_the_worker_is_not(client: TestClient) -> None:
    assert "immutable" in client.get(MAIN).headers["Cache-Control"]
    assert client.get("/sw.js").headers["Cache-Control"] == "no-cache"


def test_each_encoding_has_its_tag(client: TestClient) -> None:
    packed = client.get(MAIN, headers={"Accept-Encoding": "gzip"})
    plain = client.get(MAIN, headers={"Accept-Encoding": "identity"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert packed.content == plain.content
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert {each.headers["Vary"] for each in (packed, plain)} == {"Accept-Encoding"}
    assert int(packed.headers["Content-Length"]) == len(gzip.compress(plain.content, 9, mtime=0))
    for known in (packed, plain):
        takes = known.headers.get("Content-Encoding", "identity")
        asked = {"Accept-Encoding": takes, "If-None-Match": known.headers["ETag"]}
        assert client.get(MAIN, headers=asked).status_code == 304


def test_head_is_get_without_a_body(client: TestClient) -> None:
    head, get = client.head("/"), client.get("/")
    assert head.content == b""
    assert head.headers == get.headers
    refused = client.post("/")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")
