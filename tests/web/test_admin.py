"""The admin before an API that answers as it is told, or not at all."""

import json
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from pearshop.web.admin.app import make_admin
from pearshop.web.admin.importing import MORE, SHOWN, STEP
from tests.client.scripted import Answer, Asked, problem, scripted

PEER = "x-ingress-client"
OWNER = {"id": 1, "username": "ada", "role": "owner"}
COOKIES = {"pearshop_admin_refresh": "r", "pearshop_admin_access": "a"}


def admin_of(api_url: str, peer_header: str | None = PEER) -> httpx.AsyncClient:
    """Return a browser of the admin whose API is there."""
    admin = make_admin(api_url, ("shop.example",), peer_header)
    transport = httpx.ASGITransport(admin, client=("192.0.2.1", 1))
    return httpx.AsyncClient(
        transport=transport, base_url="http://shop.example", cookies=COOKIES.copy()
    )


def _shop(asked: Asked) -> Answer | None:
    """Answer as an empty shop."""
    path = asked.path.partition("?")[0]
    known = {
        "/api/me/": OWNER,
        "/api/shop/": {"currency": "GBP", "currency_exponent": 2},
    }
    return Answer(200, known.get(path, []))


async def test_a_shop_that_is_away_is_told_of() -> None:
    async with admin_of("http://127.0.0.1:9") as client:
        answer = await client.post("/sign-in", data={"username": "ada", "password": "secret"})
        assert answer.status_code == 503
        assert "The shop cannot be reached." in answer.text
        assert 'value="ada"' in answer.text
        assert "secret" not in answer.text
        page = await client.get("/order/")
        assert page.status_code == 503
        assert "The shop does not answer just now" in page.text
        assert "set-cookie" not in page.headers, "a session that may be good was dropped"


@pytest.mark.parametrize(
    ("peer_header", "sent", "forwarded"),
    [
        (PEER, {PEER: "198.51.100.7"}, "198.51.100.7"),
        (PEER, {PEER: "10.0.0.1", "X-Forwarded-For": "6.6.6.6, 198.51.100.7"}, None),
        (None, {PEER: "198.51.100.7"}, "192.0.2.1"),
        (None, {}, "192.0.2.1"),
    ],
)
async def test_the_api_hears_whom_a_request_is_from(
    peer_header: str | None, sent: dict[str, str], forwarded: str | None
) -> None:
    with scripted(listen=_shop) as server:
        async with admin_of(server.url, peer_header) as client:
            answer = await client.get("/order/", headers=sent)
            assert answer.status_code == 200, answer.text
    wanted = forwarded or "6.6.6.6, 198.51.100.7, 10.0.0.1"
    assert {each.headers["x-forwarded-for"] for each in server.asked} == {wanted}
    assert PEER not in {name for each in server.asked for name in each.headers}


async def test_who_is_signed_in_is_not_asked_at_each_page() -> None:
    with scripted(listen=_shop) as server:
        async with admin_of(server.url) as client:
            for _ in range(3):
                assert (await client.get("/order/")).status_code == 200
    paths = [each.path.partition("?")[0] for each in server.asked]
    assert (paths.count("/api/me/"), paths.count("/api/shop/")) == (1, 1)
    assert paths.count("/api/order/") == 3


def _import_of(lines: list[dict[str, Any]]) -> Answer:
    return Answer(200, b"".join(json.dumps(each).encode() + b"\n" for each in lines))


async def _bring(answer: Answer) -> httpx.Response:
    """Send a file to a page whose shop answers that to it."""

    def listen(asked: Asked) -> Answer | None:
        return answer if asked.path.startswith("/api/product/import/") else _shop(asked)

    with scripted(listen=listen) as server:
        async with admin_of(server.url) as client:
            file = {"file": ("goods.csv", b"name,price\nPear,1\n")}
            return await client.post("/product/import/try", files=file)


async def test_a_long_import_goes_on_counting_behind_the_rows_that_are_shown() -> None:
    rows = SHOWN + 2 * STEP + 1
    taken = {"sku": "", "name": "Pear", "outcome": "taken", "reason": ""}
    lines: list[dict[str, Any]] = [{"rows": rows}]
    lines += [taken | {"line": number + 2} for number in range(rows)]
    lines += [{"counts": {"taken": rows, "updated": 0}, "advice": ""}]
    page = await _bring(_import_of(lines))
    assert page.status_code == 200
    assert page.headers["X-Accel-Buffering"] == "no"
    assert f'data-total="{rows:,}"' in page.text
    assert page.text.count("<li><p>Line") == SHOWN
    assert page.text.count(MORE.decode()) == 2
    assert f"{rows - SHOWN:,} more rows are in the report." in page.text
    assert unquote(page.text).count(",taken,") == rows
    assert f"Import {rows:,} products" in page.text


async def test_an_import_that_stopped_says_why() -> None:
    row = {"line": 2, "sku": "A", "name": "Pear", "outcome": "taken", "reason": ""}
    page = await _bring(_import_of([{"rows": 2}, row, {"error": "The database is away."}]))
    assert "It stopped" in page.text
    assert "The database is away." in page.text
    assert 'download="import-report.csv"' in page.text


async def test_a_file_that_is_too_large_is_told_what_else_there_is() -> None:
    page = await _bring(problem(413, "too_large"))
    assert page.status_code == 400
    assert "pearshop import-products" in page.text
