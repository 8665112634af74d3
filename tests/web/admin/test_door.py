"""Whose requests are taken, and what every answer carries."""

import logging

import httpx
import pytest

from pearshop.web.admin.app import make_admin
from pearshop.web.admin.door import POLICY


def browser() -> httpx.AsyncClient:
    """Return a client of the admin alone; its API is not there."""
    admin = make_admin("http://127.0.0.1:9", ("shop.example",), None)
    return httpx.AsyncClient(transport=httpx.ASGITransport(admin), base_url="http://shop.example")


async def test_answers_carry_policies_and_are_kept_by_nobody() -> None:
    async with browser() as client:
        for path, status in (("/sign-in", 200), ("/nowhere", 404), ("/order/", 303)):
            answer = await client.get(path)
            assert answer.status_code == status
            assert answer.headers["Content-Security-Policy"] == POLICY
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "private, no-store"


async def test_pages_have_nothing_inline() -> None:
    async with browser() as client:
        text = (await client.get("/sign-in")).text
    assert " style=" not in text
    assert "<script>" not in text
    assert " onclick" not in text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
async def test_forms_of_other_sites_are_refused(headers: dict[str, str]) -> None:
    async with browser() as client:
        answer = await client.post("/sign-out", headers=headers)
        assert answer.status_code == 403
        assert "page of another site" in answer.text


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://shop.example"}, {}]
)
async def test_its_own_forms_are_taken(headers: dict[str, str]) -> None:
    async with browser() as client:
        assert (await client.post("/sign-out", headers=headers)).status_code == 303


async def test_other_names_and_methods_are_refused() -> None:
    async with browser() as client:
        assert (await client.get("/sign-in", headers={"Host": "evil.example"})).status_code == 400
        assert (await client.put("/order/1")).status_code == 405


async def test_cookies_are_secure_where_the_page_is() -> None:
    async with browser() as client:
        for proto, secure in (("http", False), ("https", True)):
            answer = await client.post(
                "/sign-out",
                headers={"X-Forwarded-Proto": proto, "Cookie": "pearshop_admin_refresh=x"},
            )
            for cookie in answer.headers.get_list("set-cookie"):
                assert ("Secure" in cookie) is secure
                assert "HttpOnly" in cookie
                assert "SameSite=strict" in cookie


async def test_a_defect_is_logged_and_answered_by_a_page(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("pearshop.web.admin.office.Files.serve", broken)
    with caplog.at_level(logging.ERROR):
        async with browser() as client:
            answer = await client.get("/static/0/admin.css")
    assert answer.status_code == 500
    assert "Something went wrong here" in answer.text
    assert "a defect" in caplog.text
    assert "a defect" not in answer.text
