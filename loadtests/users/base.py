"""What all users have in common: an account, keys, patience, and a look at every answer."""

import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gevent
from locust import FastHttpUser, between
from locust.exception import StopUser

from loadtests.summary import REFUSED

BUSY = frozenset({429, 503})
EXPIRED = 401
ATTEMPTS = 6
PASSWORD = "locust's own pear tree"  # noqa: S105 - of accounts that it makes itself
Check = Callable[[Any], str]
"""Says what is wrong with an answer's body; nothing, if it is right."""


def right(_: Any) -> str:
    """Find nothing wrong."""
    return ""


@dataclass(frozen=True)
class Wish:
    """A request, and which answers to it are right."""

    name: str
    method: str
    path: str
    body: Any
    expected: int
    allowed: tuple[int, ...]
    check: Check
    headers: dict[str, str]


class ShopUser(FastHttpUser):
    """Somebody with an account of their own. `call` sends, repeats what was refused, and checks."""

    abstract = True
    wait_time = between(0.5, 2.0)
    username = ""
    password = PASSWORD

    def on_start(self) -> None:
        """Register and sign in."""
        self._access = self._refresh = ""
        self._keys = (f"{self.username}-{number}" for number in itertools.count())
        if not self.username:
            self.username = f"locust-{secrets.token_hex(8)}"
            # A repeat after a lost answer finds the name taken; signing in works all the same.
            wish = self._credentials()
            self.call("register", "POST", "/api/register/", wish, expected=201, allowed=(400,))
        self._sign_in()

    def call(
        self,
        name: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        expected: int = 200,
        allowed: tuple[int, ...] = (),
        check: Check = right,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Return status and body of an answer that is `expected` and passes, or is `allowed`.

        Status 0 when there was none; that is noted as a failure. A command keeps its key when it is
        repeated. `allowed` statuses are refusals that a shopper may meet: they get their own row.
        """
        sent = {"Idempotency-Key": next(self._keys)} if method != "GET" else {}
        wish = Wish(name, method, path, body, expected, allowed, check, {**sent, **(headers or {})})
        for _ in range(ATTEMPTS):
            status, told, pause = self._once(wish)
            if pause is None:
                return status, told
            gevent.sleep(pause)
        return 0, None

    def _once(self, wish: Wish) -> tuple[int, Any, float | None]:
        """Return status, body, and after how long (s) to send it again; `None` for not at all."""
        headers = wish.headers
        if self._access:
            headers = {**headers, "Authorization": f"Bearer {self._access}"}
        with self.client.request(
            wish.method,
            wish.path,
            name=wish.name,
            json=wish.body,
            headers=headers,
            catch_response=True,
        ) as answer:
            status = answer.status_code
            if status in BUSY and answer.headers.get("Retry-After"):
                answer.request_meta["name"] = f"{wish.name}, {REFUSED}"
                answer.success()
                return status, None, float(answer.headers["Retry-After"])
            if status == EXPIRED and self._access:
                answer.request_meta["name"] = f"{wish.name}, token expired"
                answer.success()
                self._renew()
                return status, None, 0.0
            told = answer.json() if answer.content else None
            if status in wish.allowed:
                code = told.get("code") if isinstance(told, dict) else None
                answer.request_meta["name"] = f"{wish.name}, {code or status}"
                answer.success()
            elif status != wish.expected:
                answer.failure(f"{status} instead of {wish.expected}: {answer.text[:200]}")
                status = 0
            elif wrong := wish.check(told):
                answer.failure(wrong)
                status = 0
            else:
                answer.success()
        return status, told, None

    def _credentials(self) -> dict[str, str]:
        return {"username": self.username, "password": self.password}

    def _sign_in(self) -> None:
        status, tokens = self.call("login", "POST", "/api/login/", self._credentials())
        if not status:
            raise StopUser
        self._access, self._refresh = tokens["access"], tokens["refresh"]

    def _renew(self) -> None:
        self._access = ""
        wish = {"refresh": self._refresh}
        status, tokens = self.call("refresh", "POST", "/api/token/refresh/", wish)
        if status:
            self._access = tokens["access"]
        else:
            self._sign_in()
