"""Tokens: only our own, whole, unexpired ones of the right kind count."""

import base64
import json
import time
from typing import Any

import jwt
import pytest

from pearshop.domain.user import User
from pearshop.errors import ConfigurationError, Unauthenticated
from pearshop.http.tokens import ALGORITHM, AUDIENCE, ISSUER, Tokens

KEY = "k" * 32
USER = User(7, "ada")


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(KEY)


def forged(key: str = KEY, algorithm: str = ALGORITHM, kid: str = "", **claims: Any) -> str:
    """Return a token that is right but for what is named; `None` leaves a claim out."""
    good = jwt.get_unverified_header(Tokens(KEY).access(USER, 1))
    now = int(time.time())
    content = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "typ": "access",
        "sub": "7",
        "sid": 1,
        "name": "ada",
        "staff": True,
        "iat": now,
        "exp": now + 60,
    } | claims
    content = {name: value for name, value in content.items() if value is not None}
    return jwt.encode(content, key, algorithm, {"kid": kid or good["kid"]})


def unsigned() -> str:
    """Return a token under the algorithm `none`."""
    header, content, _ = forged().split(".")
    decoded = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    none = json.dumps(decoded | {"alg": "none"}).encode()
    return f"{base64.urlsafe_b64encode(none).decode().rstrip('=')}.{content}."


def test_a_token_names_user_and_session(tokens: Tokens) -> None:
    for _ in range(2):  # the second time from memory
        session = tokens.check_access(tokens.access(USER, 5))
        assert (session.user, session.session_id) == (USER, 5)
    assert tokens.check_refresh(tokens.refresh(USER, 5)).session_id == 5


def test_the_forger_makes_good_tokens_too(tokens: Tokens) -> None:
    assert tokens.check_access(forged()).user.is_staff


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        unsigned(),
        forged(key="x" * 32),
        forged(algorithm="HS512"),
        forged(kid="other"),
        forged(iss="other"),
        forged(aud="other"),
        forged(iss=None),
        forged(aud=None),
        forged(exp=None),
        forged(exp=int(time.time()) - 1),
        forged(iat=int(time.time()) + 600),
        forged(typ="refresh"),
        forged(typ=None),
        forged(sub="not a number"),
        forged()[:-3] + "abc",
    ],
)
def test_others_are_refused(tokens: Tokens, token: str) -> None:
    with pytest.raises(Unauthenticated):
        tokens.check_access(token)


def test_an_access_token_refreshes_nothing(tokens: Tokens) -> None:
    with pytest.raises(Unauthenticated):
        tokens.check_refresh(tokens.access(USER, 1))


def test_a_token_known_as_good_expires_all_the_same(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.access(USER, 1)
    tokens.check_access(token)
    later = time.time() + 16 * 60
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(Unauthenticated):
        tokens.check_access(token)


@pytest.mark.parametrize("key", ["", "x" * 31])
def test_without_a_strong_key_there_is_no_start(key: str) -> None:
    with pytest.raises(ConfigurationError, match="PEARSHOP_SIGNING_KEY"):
        Tokens(key)
