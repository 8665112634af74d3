"""The admin before an API that answers as it is told, or not at all."""

import httpx
import pytest

from pearshop.web.admin.app import make_admin
from tests.client.scripted import Answer, Asked, scripted

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
