"""What browsers may make of an answer."""

import base64
import hashlib
import re

import pytest
from starlette.testclient import TestClient

from pearshop.http.app import make_app
from pearshop.http.browsers.policies import page_policies

CONTENT = "default-src 'none'; frame-ancestors 'none'"


@pytest.fixture
def client() -> TestClient:
    return TestClient(make_app(), "http://localhost", raise_server_exceptions=False)


def test_a_page_may_run_just_the_scripts_in_it() -> None:
    html = (
        '<script src="/a.js"></script><script>one()</script><script type="module">\ntwo()</script>'
    )
    policy = page_policies(html)["Content-Security-Policy"]
    allowed = re.findall(r"'sha256-([^']+)'", policy)
    assert [base64.b64decode(each) for each in allowed] == [
        hashlib.sha256(script).digest() for script in (b"one()", b"\ntwo()")
    ]
    assert "script-src 'self' 'sha256-" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]


@pytest.mark.parametrize("path", ["/openapi.json", "/api/nothing/", "/api/check/"])
def test_answers_are_data(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == CONTENT


def test_a_name_that_is_not_the_shops(client: TestClient) -> None:
    answer = client.get("/api/check/", headers={"Host": "elsewhere.example"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "unknown_host"
    assert "PEARSHOP_ALLOWED_HOSTS" in answer.json()["detail"]
    assert answer.headers["Content-Security-Policy"] == CONTENT


def test_a_page_has_policies_of_its_own(client: TestClient) -> None:
    page = client.get("/docs")
    assert "script-src 'self' " in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-cache"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assets = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert len(assets) >= 2
    for asset in assets:
        answer = client.get(asset)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    missing = client.get(assets[0] + ".map")
    assert missing.status_code == 404
    assert "immutable" not in missing.headers["Cache-Control"]
