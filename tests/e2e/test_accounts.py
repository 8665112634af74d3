"""Accounts and sign-in over HTTP, and every token that must not pass."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import jwt
import pytest

from pearshop.http.tokens import Tokens
from tests.e2e.conftest import PASSWORD, Caller, Shop
from tests.replicas import each_replica
from tests.waiting import wait_for

NEW_PASSWORD = "another horse, another battery"


def signing_key(shop: Shop) -> str:
    """The key that `up` made."""
    return (shop.state / "signing-key").read_text().strip()


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, unchecked."""
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def resigned(shop: Shop, token: str, **changes: Any) -> str:
    """The same token with other claims, signed with the shop's own key."""
    header = jwt.get_unverified_header(token)
    return jwt.encode(claims_of(token) | changes, signing_key(shop), headers=header)


def bearing(shop: Shop, token: str) -> httpx.Response:
    """The answer to a call that shows this access token."""
    return shop.http.get("/api/check/", headers={"Authorization": f"Bearer {token}"})


def refreshing(shop: Shop, token: str) -> httpx.Response:
    """The answer to a call that wants a new access token for this refresh token."""
    return shop.http.post("/api/token/refresh/", json={"refresh": token})


def assert_unauthenticated(answer: httpx.Response) -> None:
    assert answer.status_code == 401, answer.text
    assert answer.json()["detail"]
    assert answer.headers["WWW-Authenticate"] == "Bearer"


class TestRegister:
    def test_answers_the_username_and_nothing_else(self, shop: Shop) -> None:
        name = f"{shop.shopper().username}-too"
        made = shop.visitor.post("/api/register/", {"username": name, "password": PASSWORD})
        assert (made.status_code, made.json()) == (201, {"username": name})

    @pytest.mark.parametrize("respell", [str, str.upper, str.title], ids=lambda f: f.__name__)
    def test_a_taken_name_is_refused(self, shop: Shop, respell: Callable[[str], str]) -> None:
        name = respell(shop.shopper().username)
        again = shop.visitor.post("/api/register/", {"username": name, "password": PASSWORD})
        assert again.status_code == 400
        assert again.json()["username"]

    @pytest.mark.parametrize("member", ["username", "password"])
    @pytest.mark.parametrize("value", [None, "", "missing"])
    def test_a_missing_member_is_named(self, shop: Shop, member: str, value: str | None) -> None:
        body: dict[str, Any] = {"username": "nobody", "password": PASSWORD, member: value}
        if value == "missing":
            del body[member]
        answer = shop.visitor.post("/api/register/", body)
        assert answer.status_code == 400
        assert answer.json()[member]

    @pytest.mark.parametrize(
        "weak", ["short", "password", "PassWord123", "aaaaaaaaaaaa", "x" * 2000]
    )
    def test_a_weak_password_is_refused(self, shop: Shop, weak: str) -> None:
        name = f"{shop.shopper().username}-weak"
        answer = shop.visitor.post("/api/register/", {"username": name, "password": weak})
        assert answer.status_code == 400
        assert answer.json()["password"]

    def test_the_username_is_no_password(self, shop: Shop) -> None:
        name = f"{shop.shopper().username}-x"
        answer = shop.visitor.post("/api/register/", {"username": name, "password": name.upper()})
        assert answer.status_code == 400

    @pytest.mark.parametrize(
        "name", ["x" * 151, "   ", "tab\tbed", "zero\u200bwidth", "\u202eright"]
    )
    def test_a_bad_username_is_refused(self, shop: Shop, name: str) -> None:
        answer = shop.visitor.post("/api/register/", {"username": name, "password": PASSWORD})
        assert answer.status_code == 400
        assert answer.json()["username"]


class TestLogin:
    def test_answers_two_tokens(self, shop: Shop) -> None:
        shopper = shop.shopper()
        assert shopper.tokens.keys() == {"access", "refresh"}

    def test_lifetimes_are_the_contracts(self, shop: Shop) -> None:
        tokens = shop.shopper().tokens
        lives = {kind: claims_of(t)["exp"] - claims_of(t)["iat"] for kind, t in tokens.items()}
        assert lives == {"access": 15 * 60, "refresh": 7 * 24 * 3600}

    def test_takes_the_username_in_any_letter_case(self, shop: Shop) -> None:
        shopper = shop.shopper()
        again = shop.sign_in(shopper.username.upper(), PASSWORD)
        assert (
            claims_of(again.tokens["access"])["sub"] == claims_of(shopper.tokens["access"])["sub"]
        )

    def test_wrong_password_and_unknown_name_look_the_same(self, shop: Shop) -> None:
        known = shop.shopper().username
        answers = [
            shop.visitor.post("/api/login/", {"username": name, "password": "wrong horse"})
            for name in (known, f"{known}-unknown")
        ]
        for answer in answers:
            assert_unauthenticated(answer)
        assert answers[0].content == answers[1].content

    @pytest.mark.parametrize("member", ["username", "password"])
    def test_a_missing_member_is_named(self, shop: Shop, member: str) -> None:
        body = {"username": "nobody", "password": PASSWORD}
        del body[member]
        answer = shop.visitor.post("/api/login/", body)
        assert answer.status_code == 400
        assert answer.json()[member]


class TestRefresh:
    def test_the_first_refresh_token_keeps_working(self, shop: Shop) -> None:
        refresh = shop.shopper().tokens["refresh"]
        for _ in range(3):
            answer = refreshing(shop, refresh)
            assert answer.status_code == 200
            assert bearing(shop, answer.json()["access"]).status_code == 200

    def test_a_missing_token_is_named(self, shop: Shop) -> None:
        answer = shop.visitor.post("/api/token/refresh/", {})
        assert answer.status_code == 400
        assert answer.json()["refresh"]

    def test_an_access_token_is_none(self, shop: Shop) -> None:
        assert_unauthenticated(refreshing(shop, shop.shopper().tokens["access"]))

    def test_an_expired_one_is_refused(self, shop: Shop) -> None:
        token = resigned(shop, shop.shopper().tokens["refresh"], exp=int(time.time()) - 1)
        assert_unauthenticated(refreshing(shop, token))

    def test_one_of_no_session_is_refused(self, shop: Shop) -> None:
        token = resigned(shop, shop.shopper().tokens["refresh"], sid=(1 << 62))
        assert_unauthenticated(refreshing(shop, token))


class TestCheck:
    def test_answers_the_signed_in(self, shop: Shop) -> None:
        answer = shop.shopper().get("/api/check/")
        assert (answer.status_code, answer.json()) == (200, {"message": "Authenticated"})

    @pytest.mark.parametrize(
        "header",
        ["", "Bearer", "Basic YTpi", "Bearer a.b.c", "Bearer é", "Bearer " + "x" * 4000],
    )
    def test_refuses_what_is_no_token(self, shop: Shop, header: str) -> None:
        sent = {"Authorization": header.encode("latin-1")}
        assert_unauthenticated(shop.http.get("/api/check/", headers=sent))  # type: ignore[arg-type]

    def test_the_scheme_is_written_in_any_letter_case(self, shop: Shop) -> None:
        token = shop.shopper().tokens["access"]
        answer = shop.http.get("/api/check/", headers={"Authorization": f"bEARER {token}"})
        assert answer.status_code == 200


def alg_none(token: str) -> str:
    """The same claims under `"alg": "none"`, without a signature."""
    header = jwt.get_unverified_header(token) | {"alg": "none"}
    encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    return f"{encoded}.{token.split('.')[1]}."


class TestForgery:
    def test_our_own_hand_is_accepted(self, shop: Shop) -> None:
        """Else the tests below would pass for the wrong reason."""
        token = shop.shopper().tokens["access"]
        assert bearing(shop, resigned(shop, token)).status_code == 200

    @pytest.mark.parametrize(
        "changes",
        [
            {"exp": 1},
            {"iss": "another"},
            {"aud": "another"},
            {"typ": "refresh"},
            {"iat": 1 << 40},
            {"sub": "not a number"},
            {"sub": None},
            {"sid": "x"},
        ],
        ids=str,
    )
    def test_wrong_claims_under_the_right_key(self, shop: Shop, changes: dict[str, Any]) -> None:
        token = shop.shopper().tokens["access"]
        assert_unauthenticated(bearing(shop, resigned(shop, token, **changes)))

    @pytest.mark.parametrize("missing", ["exp", "iat", "iss", "aud", "sub", "typ", "sid"])
    def test_missing_claims_under_the_right_key(self, shop: Shop, missing: str) -> None:
        token = shop.shopper().tokens["access"]
        claims = {name: value for name, value in claims_of(token).items() if name != missing}
        header = jwt.get_unverified_header(token)
        forged = jwt.encode(claims, signing_key(shop), headers=header)
        assert_unauthenticated(bearing(shop, forged))

    def test_a_refresh_token_is_no_access_token(self, shop: Shop) -> None:
        assert_unauthenticated(bearing(shop, shop.shopper().tokens["refresh"]))

    def test_no_algorithm(self, shop: Shop) -> None:
        assert_unauthenticated(bearing(shop, alg_none(shop.shopper().tokens["access"])))

    def test_another_algorithm(self, shop: Shop) -> None:
        token = shop.shopper().tokens["access"]
        header = jwt.get_unverified_header(token)
        forged = jwt.encode(claims_of(token), signing_key(shop) * 2, "HS512", headers=header)
        assert_unauthenticated(bearing(shop, forged))

    def test_another_key(self, shop: Shop) -> None:
        token = shop.shopper().tokens["access"]
        header = jwt.get_unverified_header(token)
        assert_unauthenticated(
            bearing(shop, jwt.encode(claims_of(token), "k" * 40, headers=header))
        )

    def test_another_key_id(self, shop: Shop) -> None:
        token = shop.shopper().tokens["access"]
        header = jwt.get_unverified_header(token) | {"kid": "another"}
        forged = jwt.encode(claims_of(token), signing_key(shop), headers=header)
        assert_unauthenticated(bearing(shop, forged))

    def test_a_signature_for_other_claims(self, shop: Shop) -> None:
        """A shopper who writes `staff` into the token."""
        head, _, signature = shop.shopper().tokens["access"].split(".")
        claims = claims_of(shop.shopper().tokens["access"]) | {"staff": True}
        body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
        assert_unauthenticated(bearing(shop, f"{head}.{body}.{signature}"))

    def test_the_key_id_tells_nothing_of_the_key(self, shop: Shop) -> None:
        key = signing_key(shop)
        Tokens(key)  # long enough
        assert key not in json.dumps(jwt.get_unverified_header(shop.shopper().tokens["access"]))


def await_refused(shop: Shop, token: str) -> None:
    """Wait until every replica has heard that the session of this access token is over."""

    headers = {"Authorization": f"Bearer {token}"}
    with each_replica(shop.state) as replicas:

        def refused() -> bool:
            answers = [each.get("/api/check/", headers=headers) for each in replicas]
            return all(each.status_code == 401 for each in answers)

        wait_for(refused, "all replicas to refuse the token", 20)
    assert_unauthenticated(bearing(shop, token))


def assert_over(shop: Shop, caller: Caller) -> None:
    assert_unauthenticated(refreshing(shop, caller.tokens["refresh"]))
    await_refused(shop, caller.tokens["access"])


def assert_open(shop: Shop, caller: Caller) -> None:
    assert caller.get("/api/check/").status_code == 200
    assert refreshing(shop, caller.tokens["refresh"]).status_code == 200


class TestLogout:
    def test_ends_this_session_and_no_other(self, shop: Shop) -> None:
        phone = shop.shopper()
        laptop = shop.sign_in(phone.username, PASSWORD)
        answer = phone.post("/api/logout/")
        assert (answer.status_code, answer.content) == (204, b"")
        assert_over(shop, phone)
        assert_open(shop, laptop)

    def test_ends_access_tokens_that_were_refreshed(self, shop: Shop) -> None:
        phone = shop.shopper()
        fresh = refreshing(shop, phone.tokens["refresh"]).json()["access"]
        phone.post("/api/logout/")
        await_refused(shop, fresh)

    def test_needs_a_session(self, shop: Shop) -> None:
        assert_unauthenticated(shop.visitor.post("/api/logout/"))


class TestPassword:
    def test_a_change_ends_all_sessions(self, shop: Shop) -> None:
        phone = shop.shopper()
        laptop = shop.sign_in(phone.username, PASSWORD)
        answer = phone.post(
            "/api/password/", {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
        )
        assert (answer.status_code, answer.content) == (204, b"")
        assert_over(shop, phone)
        assert_over(shop, laptop)
        old = {"username": phone.username, "password": PASSWORD}
        assert_unauthenticated(shop.visitor.post("/api/login/", old))
        assert_open(shop, shop.sign_in(phone.username, NEW_PASSWORD))

    @pytest.mark.parametrize(
        ("body", "named"),
        [
            ({"old_password": "wrong horse", "new_password": NEW_PASSWORD}, "old_password"),
            ({"old_password": PASSWORD, "new_password": "short"}, "new_password"),
            ({"old_password": PASSWORD}, "new_password"),
            ({"new_password": NEW_PASSWORD}, "old_password"),
        ],
        ids=["wrong", "weak", "no new one", "no old one"],
    )
    def test_a_refused_change_changes_nothing(
        self, shop: Shop, body: dict[str, str], named: str
    ) -> None:
        shopper = shop.shopper()
        answer = shopper.post("/api/password/", body)
        assert answer.status_code == 400
        assert_open(shop, shopper)
        assert_open(shop, shop.sign_in(shopper.username, PASSWORD))
        assert named in answer.json()

    def test_needs_a_session(self, shop: Shop) -> None:
        body = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
        assert_unauthenticated(shop.visitor.post("/api/password/", body))


class TestBodies:
    @pytest.mark.parametrize("slash", ["/", ""], ids=["slash", "no slash"])
    @pytest.mark.parametrize("kind", ["json", "data", "files"])
    def test_every_format_with_and_without_slash(self, shop: Shop, kind: str, slash: str) -> None:
        def send(path: str, token: str = "", **members: str) -> httpx.Response:
            body: Any = members
            if kind == "files":  # parts without a file name: a plain multipart form
                body = {name: (None, value) for name, value in members.items()}
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return shop.http.request("POST", path + slash, headers=headers, **{kind: body})

        name = f"{shop.shopper().username}-{kind}{len(slash)}"
        assert send("/api/register", username=name, password=PASSWORD).status_code == 201
        signed_in = send("/api/login", username=name, password=PASSWORD)
        assert signed_in.status_code == 200
        refreshed = send("/api/token/refresh", refresh=signed_in.json()["refresh"])
        assert refreshed.status_code == 200
        access = refreshed.json()["access"]
        changed = send("/api/password", access, old_password=PASSWORD, new_password=NEW_PASSWORD)
        assert changed.status_code == 204

    @pytest.mark.parametrize("slash", ["/", ""], ids=["slash", "no slash"])
    def test_calls_without_a_body(self, shop: Shop, slash: str) -> None:
        shopper = shop.shopper()
        assert shopper.get(f"/api/check{slash}").status_code == 200
        assert shopper.call("POST", f"/api/logout{slash}").status_code == 204
