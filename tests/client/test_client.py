"""One caller of the API: sign-in, tokens, pages."""

import asyncio
from datetime import UTC, datetime

import pytest

from pearshop.client import Client, Tokens, Transport
from pearshop.domain.fulfilment import Status
from pearshop.errors import Invalid, Unauthenticated
from tests.client.scripted import Answer, Asked, problem, scripted

EXPIRED = problem(401, "token_invalid")
OVER = problem(401, "session_over")
ME = Answer(200, {"id": 1, "username": "ada", "role": "owner"})


async def test_sign_in_and_out() -> None:
    with scripted(Answer(200, {"access": "a", "refresh": "r"}), ME, Answer(204)) as server:
        async with Transport(server.url) as transport:
            client = Client(transport, headers={"X-Forwarded-For": "192.0.2.7"})
            await client.sign_in("ada", "secret")
            assert client.tokens == Tokens("r", "a")
            assert (await client.me()).role == "owner"
            await client.sign_out()
            assert client.tokens is None
    assert [each.path for each in server.asked] == ["/api/login/", "/api/me/", "/api/logout/"]
    assert server.asked[0].body == {"username": "ada", "password": "secret"}
    assert server.asked[1].headers["authorization"] == "Bearer a"
    assert {each.headers["x-forwarded-for"] for each in server.asked} == {"192.0.2.7"}


def _shop(asked: Asked) -> Answer | None:
    """Answer as a shop whose one good access token is `new`."""
    if asked.path == "/api/token/refresh/":
        return Answer(200, {"access": "new"})
    return ME if asked.headers.get("authorization") == "Bearer new" else EXPIRED


@pytest.mark.parametrize("access", [None, "old"])
async def test_an_access_token_is_renewed_once_for_all_who_need_it(access: str | None) -> None:
    with scripted(listen=_shop) as server:
        async with Transport(server.url) as transport:
            client = Client(transport, Tokens("r", access))
            await asyncio.gather(*(client.me() for _ in range(5)))
            assert client.tokens == Tokens("r", "new")
    renewals = [each for each in server.asked if each.path == "/api/token/refresh/"]
    assert [each.body for each in renewals] == [{"refresh": "r"}]


async def test_a_session_that_is_over_is_not_renewed() -> None:
    with scripted(OVER) as server:
        async with Transport(server.url) as transport:
            with pytest.raises(Unauthenticated):
                await Client(transport, Tokens("r", "a")).me()
    assert len(server.asked) == 1


async def test_a_refresh_token_that_is_no_good_is_told() -> None:
    with scripted(EXPIRED) as server:
        async with Transport(server.url) as transport:
            with pytest.raises(Unauthenticated):
                await Client(transport, Tokens("r", "a")).me()
    assert len(server.asked) == 2


async def test_pages_lead_to_the_next_and_filters_travel_as_the_shop_reads_them() -> None:
    first = Answer(200, [], {"Link": '</api/order/?limit=2&cursor=abc%3D>; rel="next"'})
    with scripted(first, Answer(200, [])) as server:
        async with Transport(server.url) as transport:
            orders = Client(transport).orders
            since = datetime(2026, 1, 2, tzinfo=UTC)
            page = await orders.list(status=Status.PACKED, since=since, user=7, limit=2)
            assert page.next == "abc="
            assert (await orders.list(cursor=page.next)).next is None
    assert server.asked[0].path == (
        "/api/order/?status=packed&since=2026-01-02T00%3A00%3A00%2B00%3A00&user=7&limit=2"
    )
    assert server.asked[1].path == "/api/order/?cursor=abc%3D"


async def test_products_tell_which_words_were_sought() -> None:
    with scripted(Answer(200, [], {"X-Corrected-Search": "gr%C3%BCn"})) as server:
        async with Transport(server.url) as transport:
            page = await Client(transport).products.list(search="grun", in_stock=False)
    assert page.corrected == "grün"
    assert server.asked[0].path == "/api/product/?search=grun&in_stock=false"


async def test_what_is_streamed_comes_in_parts_and_refusals_come_before() -> None:
    refused = problem(400, "file_unreadable")
    with scripted(Answer(200, {"rows": 0}), refused) as server:
        async with Transport(server.url) as transport:
            client = Client(transport, Tokens("r", "a"))
            parts = [each async for each in await client.products.export({"search": "pear"})]
            assert b"".join(parts) == b'{"rows": 0}'
            with pytest.raises(Invalid):
                await client.stream("/api/product/export/")
    assert server.asked[0].path == "/api/product/export/?search=pear"
