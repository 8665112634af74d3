"""JSON Web Tokens: made and checked with everything pinned that can be pinned."""

import hashlib
import time
from dataclasses import dataclass
from typing import Any

import jwt

from pearshop.domain.user import Role, User
from pearshop.errors import ConfigurationError, Unauthenticated
from pearshop.settings import MIN_SIGNING_KEY_BYTES

ALGORITHM = "HS256"
ISSUER = "pearshop"
AUDIENCE = "pearshop-api"
ACCESS_S = 15 * 60
REFRESH_S = 7 * 24 * 3600
CACHE = 20_000
"""Access tokens remembered as good, each for its own life."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who calls, in which session, and until when (s since 1970) the token is good."""

    user: User
    session_id: int
    expires_at: float


def _bad() -> Unauthenticated:
    return Unauthenticated("The token is not valid: sign in again.", "token_invalid")


def bearer(authorization: str) -> str:
    """Return the token of an `Authorization` header; empty when there is none."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


class Tokens:
    """Makes and checks tokens under one signing key.

    Raises `ConfigurationError` for a key shorter than 32 bytes.
    """

    def __init__(self, key: str) -> None:
        if len(key.encode()) < MIN_SIGNING_KEY_BYTES:
            raise ConfigurationError(
                "PEARSHOP_SIGNING_KEY is missing or too short: set one of at least "
                f"{MIN_SIGNING_KEY_BYTES} bytes, the same on every node."
            )
        self._key = key
        self._key_id = hashlib.sha256(key.encode()).hexdigest()[:16]
        self._good: dict[str, Session] = {}

    def access(self, user: User, session_id: int) -> str:
        """Return an access token, good for 15 minutes."""
        return self._make("access", ACCESS_S, user, session_id)

    def refresh(self, user: User, session_id: int) -> str:
        """Return a refresh token, good for 7 days or until its session is revoked."""
        return self._make("refresh", REFRESH_S, user, session_id)

    def check_access(self, token: str) -> Session:
        """Return whose token this is. Raises `Unauthenticated`."""
        known = self._good.get(token)
        if known is None:
            known = self._check(token, "access")
            if len(self._good) >= CACHE:
                self._good.clear()
            self._good[token] = known
        elif known.expires_at <= time.time():
            del self._good[token]
            raise _bad()
        return known

    def check_refresh(self, token: str) -> Session:
        """Return whose token this is; whether its session is open, the database knows."""
        return self._check(token, "refresh")

    def _make(self, kind: str, life: int, user: User, session_id: int) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "typ": kind,
            "sub": str(user.id),
            "sid": session_id,
            "name": user.username,
            "role": user.role.word,
            "iat": now,
            "exp": now + life,
        }
        return jwt.encode(claims, self._key, ALGORITHM, {"kid": self._key_id})

    def _check(self, token: str, kind: str) -> Session:
        try:
            decoded: dict[str, Any] = jwt.decode_complete(
                token,
                self._key,
                [ALGORITHM],
                {"require": ["iss", "aud", "exp", "iat", "sub"]},
                audience=AUDIENCE,
                issuer=ISSUER,
            )
            claims = decoded["payload"]
            if decoded["header"].get("kid") != self._key_id or claims["typ"] != kind:
                raise _bad()
            user = User(int(claims["sub"]), claims["name"], _role(claims))
            return Session(user, int(claims["sid"]), float(claims["exp"]))
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            raise _bad() from None


def _role(claims: dict[str, Any]) -> Role:
    """Return the role in a token's claims; a token of an older release tells only of staff."""
    if "role" in claims:
        return Role.named(claims["role"])
    return Role.OWNER if claims["staff"] else Role.SHOPPER
