"""Limits as clients meet them: 429, what the headers say, and who is counted as whom."""

import asyncio
from typing import Any, cast

import pytest
from pydantic import ValidationError
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from pearshop.db.user import Credentials
from pearshop.domain.user import User
from pearshop.http.answers import json
from pearshop.http.app import make_app
from pearshop.http.limiting.guard import LONG_AT_ONCE, Guard, Limits
from pearshop.http.limiting.sign_in import CALM, FAILURES
from pearshop.http.passwords import HASHER, Passwords
from pearshop.http.services import Services
from pearshop.http.tokens import Tokens
from pearshop.settings import Settings
from tests.http.limiting.test_counts import Clock

KEY = "a signing key of at least 32 bytes"
ADA, BOB = User(1, "ada"), User(2, "bob")
PASSWORD = "correct horse battery"
DEFAULTS = {"signing_key": KEY, "redis_url": "", "trusted_proxies": ""}


class Behind:
    """What stands behind the limits: answers by path, and counts."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        headers = {"Cache-Control": "public, max-age=1"} if "product" in scope["path"] else {}
        await json([], headers=headers)(scope, receive, send)


class Met:
    """Limits as set, by a clock that stands still, before something that answers."""

    def __init__(self, **settings: Any) -> None:
        self.behind = Behind()
        self.tokens = Tokens(KEY)
        self.guard = Guard(Settings(**(DEFAULTS | settings)), behind_ingress=True, clock=Clock())
        self.http = TestClient(Limits(self.behind, self.guard, self.tokens))

    def ask(
        self,
        path: str = "/api/order/",
        *,
        method: str = "GET",
        address: str = "203.0.113.1",
        token: str = "",
    ) -> Any:
        headers = {"x-ingress-client": address}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return self.http.request(method, path, headers=headers)


def test_too_many_are_refused_with_all_that_a_client_needs() -> None:
    met = Met(rate_limit_address="2/minute")
    first = met.ask()
    assert first.headers["RateLimit-Policy"] == '"address";q=2;w=60'
    assert first.headers["RateLimit"].startswith('"address";r=1;t=')
    assert met.ask().headers["RateLimit"].startswith('"address";r=0;t=')
    refused = met.ask()
    seconds = refused.headers["Retry-After"]
    assert refused.status_code == 429
    assert 1 <= int(seconds) <= 60
    assert refused.headers["RateLimit"] == f'"address";r=0;t={seconds}'
    assert refused.headers["Cache-Control"] == "private, no-store"
    assert refused.json() == {
        "detail": f"Too many requests: wait {seconds} s, then send it again. Nothing was done.",
        "code": "too_many_requests",
        "title": "Too Many Requests",
        "status": 429,
        "retry_after": int(seconds),
    }
    assert met.behind.asked == 2
    assert met.ask(address="203.0.113.2").status_code == 200


def test_a_user_is_one_whatever_addresses_it_has() -> None:
    met = Met(rate_limit_user="2/minute")
    ada, bob = met.tokens.access(ADA, 1), met.tokens.access(BOB, 2)
    for number in range(2):
        assert met.ask(token=ada, address=f"203.0.113.{number}").status_code == 200
    refused = met.ask(token=ada, address="203.0.113.9")
    assert refused.status_code == 429
    assert refused.headers["RateLimit-Policy"] == '"user";q=2;w=60'
    assert met.ask(token=bob).status_code == 200


def test_a_bad_token_counts_for_its_address_alone() -> None:
    met = Met(rate_limit_address="2/minute", rate_limit_user="1/minute")
    for token in ("forged", met.tokens.refresh(ADA, 1)):
        assert met.ask(token=token).status_code == 200
    assert met.ask(token="forged").status_code == 429
    assert met.ask(token=met.tokens.access(ADA, 1), address="203.0.113.2").status_code == 200


@pytest.mark.parametrize("path", ["/api/login/", "/api/token/refresh/", "/api/register/"])
def test_signing_in_and_registering_have_tighter_limits(path: str) -> None:
    met = Met(rate_limit_sign_in="1/minute", rate_limit_register="1/minute")
    assert met.ask(path, method="POST").status_code == 200
    refused = met.ask(path, method="POST")
    assert refused.status_code == 429
    assert ";q=1;w=60" in refused.headers["RateLimit-Policy"]
    assert met.ask(path, method="OPTIONS").status_code == 200  # a browser asks before it posts
    assert met.ask().status_code == 200


def test_what_caches_may_share_tells_nothing_of_one_client() -> None:
    answer = Met().ask("/api/product/")
    assert "RateLimit" not in answer.headers
    assert "RateLimit-Policy" not in answer.headers


@pytest.mark.parametrize("path", ["/-/healthz"])
def test_what_is_exempt_is_not_counted(path: str) -> None:
    met = Met(rate_limit_address="1/minute")
    assert [met.ask(path).status_code for _ in range(3)] == [200] * 3
    assert met.ask().status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/assets/x", "/openapi.json", "/", "/docsx"])
def test_all_else_is_counted(path: str) -> None:
    met = Met(rate_limit_address="1/minute")
    assert [met.ask(path).status_code for _ in range(2)] == [200, 429]


async def test_few_bodies_of_one_address_are_on_their_way_at_a_time() -> None:
    met = Met()
    gate = asyncio.Event()
    statuses: list[int] = []

    async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
        await gate.wait()
        await met.behind(scope, receive, send)

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async def post(address: str, *headers: tuple[bytes, bytes]) -> None:
        told = [(b"x-ingress-client", address.encode()), *headers]
        scope = {"type": "http", "method": "POST", "path": "/api/batch/", "headers": told}
        await Limits(waiting, met.guard, met.tokens)(scope, _nothing, send)

    long = (b"content-length", b"99000")
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for _ in range(LONG_AT_ONCE):
            group.create_task(post("203.0.113.1", long))
        while met.guard.long_bodies.total() < LONG_AT_ONCE:
            await asyncio.sleep(0)
        await post("203.0.113.1", long)
        await post("203.0.113.1", (b"transfer-encoding", b"chunked"))
        assert statuses == [429, 429]
        gate.set()
        await post("203.0.113.2", long)
        await post("203.0.113.1", (b"content-length", b"99"))
    assert statuses == [429, 429] + [200] * (LONG_AT_ONCE + 2)
    assert not met.guard.long_bodies
    assert met.guard.refusals() == {"long-bodies": 2}


async def _nothing() -> Message:
    raise AssertionError("nobody reads the body here")


def test_guessing_at_the_old_password_slows_as_at_sign_in() -> None:
    shop = _shop()
    token = Tokens(KEY).access(ADA, 1)

    def change() -> Any:
        body = {"old_password": "wrong", "new_password": "another horse battery"}
        headers = {"Authorization": f"Bearer {token}", "x-ingress-client": "203.0.113.1"}
        return shop.post("/api/password/", json=body, headers=headers)

    told = [change() for _ in range(FAILURES + 1)]
    assert [each.status_code for each in told] == [400] * FAILURES + [429]
    assert told[0].json()["code"] == "credentials_wrong"
    assert _sign_in(shop, "ada", password=PASSWORD).status_code == 429  # it is the same guesser


def test_a_cookie_counts_for_the_shops_own_pages_alone() -> None:
    shop = _shop()
    cookie = {"Cookie": f"pearshop_refresh={Tokens(KEY).refresh(ADA, 1)}"}
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200)):
        headers = {"Sec-Fetch-Site": site, **cookie}
        assert shop.post("/api/token/refresh/", headers=headers).status_code == status


def test_refusals_are_counted_by_limit_until_told() -> None:
    met = Met(rate_limit_address="2/minute", rate_limit_sign_in="1/minute")
    for _ in range(2):
        met.ask("/api/login/", method="POST")
    met.ask()
    assert met.guard.refusals() == {"sign-in": 1, "address": 1}
    assert met.guard.refusals() == {}


@pytest.mark.parametrize("limit", ["", "often", "0/minute", "30/minut", "1/second;30/minute"])
def test_a_malformed_limit_is_refused_at_start(limit: str) -> None:
    with pytest.raises(ValidationError, match="write it like 30/minute"):
        Settings(rate_limit_address=limit)


@pytest.mark.parametrize("limit", ["30/minute", "5 per 10 seconds", "1 per day"])
def test_a_limit_may_be_written_in_several_ways(limit: str) -> None:
    assert Settings(rate_limit_address=limit).rate_limit_address == limit


class Accounts:
    """A database that knows one account."""

    def __init__(self) -> None:
        self.ada = Credentials(ADA, HASHER.hash(PASSWORD))

    async def run(self, operation: Any, *args: Any) -> Any:
        if operation.__name__ == "credentials":
            return self.ada if args == ("ada",) else None
        return ADA if operation.__name__ == "of_session" else 1  # a session


def _shop(**settings: Any) -> TestClient:
    configured = Settings(**(DEFAULTS | {"trusted_proxies": "127.0.0.0/8"} | settings))
    guard = Guard(configured, behind_ingress=True) if configured.rate_limits else None
    nothing = cast("Any", None)
    services = Services(
        configured,
        cast("Any", Accounts()),
        nothing,
        nothing,
        Tokens(KEY),
        Passwords(2),
        guard=guard,
        images=nothing,
    )
    return TestClient(make_app(services), "http://localhost")


def _sign_in(
    shop: TestClient, username: str, address: str = "203.0.113.1", password: str = "wrong"
) -> Response | Any:
    body = {"username": username, "password": password}
    return shop.post("/api/login", json=body, headers={"x-ingress-client": address})


def _told(answer: Any) -> tuple[int, list[str], dict[str, Any]]:
    """What an answer tells, but for seconds and counts, which differ for any two names."""
    body = {
        key: value for key, value in answer.json().items() if key not in {"retry_after", "detail"}
    }
    return answer.status_code, sorted(answer.headers), body


def test_a_username_that_is_unknown_meets_the_same_as_one_that_is_known() -> None:
    with _shop() as shop:
        for _ in range(FAILURES + 1):
            assert _told(_sign_in(shop, "ada")) == _told(_sign_in(shop, "nobody", "203.0.113.2"))
        assert _sign_in(shop, "ada", password=PASSWORD).status_code == 429
        assert _sign_in(shop, "nobody", "203.0.113.2").status_code == 429


def test_a_victim_is_not_locked_out() -> None:
    with _shop() as shop:
        for number in range(CALM + 5):
            assert _sign_in(shop, "ada", f"203.0.113.{number + 10}").status_code == 401
        assert _sign_in(shop, "ada", "198.51.100.1", PASSWORD).status_code == 200


def test_a_batch_and_each_call_in_it_are_counted() -> None:
    shop = _shop(rate_limit_address="3/minute")
    calls = [{"path": "/api/check/"}] * 3
    batch = shop.post("/api/batch/", json={"calls": calls})
    answers = batch.json()["answers"]
    assert [each["status"] for each in answers] == [401, 401, 429]
    assert int(answers[2]["headers"]["retry-after"]) >= 1


def test_limits_that_are_off_refuse_nothing_and_say_nothing() -> None:
    with _shop(rate_limits="off", rate_limit_sign_in="1/minute") as shop:
        told = [_sign_in(shop, "ada") for _ in range(FAILURES + 2)]
    assert {each.status_code for each in told} == {401}
    assert "RateLimit" not in told[0].headers
