"""The shop over HTTP, as a shopper's app speaks it: tokens, keys, retries, and a stop watch."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

ATTEMPTS = 8
BACKOFF_S = 0.1
"""Doubles before each further attempt."""
TIMEOUT = aiohttp.ClientTimeout(total=15)
BUSY = frozenset({429, 502, 503, 504})
"""Statuses after which the same request, with the same key, may be sent again."""


class GaveUpError(Exception):
    """A request that had no usable answer after all attempts; its outcome is unknown."""


@dataclass
class Stats:
    """What was sent and how long it took. `seconds` has the latencies of each kind of call.

    A latency is what the shopper waits: from the first attempt to the answer.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    requests: int = 0
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; `body` is its JSON, `None` when it has none."""

    status: int
    body: Any

    def problem(self) -> str:
        """Return status and detail, for a sentence."""
        detail = self.body.get("detail", "") if isinstance(self.body, dict) else ""
        return f"{self.status} {detail}".strip()


class Api:
    """One shop, shared by all shoppers."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self.stats = Stats()

    async def send(
        self,
        kind: str,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send until there is an answer that is not "busy". Raises `GaveUpError`."""
        start = time.perf_counter()
        for attempt in range(ATTEMPTS):
            if attempt:
                self.stats.counts["retries"] += 1
                await asyncio.sleep(BACKOFF_S * 2**attempt)
            answer = await self._attempt(method, path, body, headers or {})
            if answer is not None and answer.status not in BUSY:
                self.stats.seconds.setdefault(kind, []).append(time.perf_counter() - start)
                return answer
        raise GaveUpError(f"{method} {path} has no answer after {ATTEMPTS} attempts")

    async def _attempt(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> Answer | None:
        self.stats.requests += 1
        data = None if body is None else orjson.dumps(body)
        try:
            async with self._session.request(
                method,
                self._url + path,
                data=data,
                headers={"Content-Type": "application/json", **headers},
                timeout=TIMEOUT,
            ) as response:
                content = await response.read()
        except (aiohttp.ClientError, OSError):
            return None
        return Answer(response.status, _json(content))


class Account:
    """A shopper's account, signed in; the access token is renewed when it expires."""

    def __init__(self, api: Api, username: str, password: str) -> None:
        self.api = api
        self.username = username
        self._credentials = {"username": username, "password": password}
        self._access = ""
        self._refresh = ""

    async def open(self) -> None:
        """Register and sign in. Raises `GaveUpError` when the shop refuses."""
        # A repeat after a lost answer finds the name taken; then signing in works all the same.
        registered = await self.api.send("register", "POST", "/api/register/", self._credentials)
        answer = await self.api.send("login", "POST", "/api/login/", self._credentials)
        if answer.status != 200:
            raise GaveUpError(f"register: {registered.problem()}; login: {answer.problem()}")
        self._access, self._refresh = answer.body["access"], answer.body["refresh"]

    async def send(self, kind: str, method: str, path: str, body: Any, key: str) -> Answer:
        """Send one command under its idempotency key. Raises `GaveUpError`."""
        answer = await self.api.send(kind, method, path, body, self._headers(key))
        if answer.status == 401:
            await self._renew()
            answer = await self.api.send(kind, method, path, body, self._headers(key))
        return answer

    async def _renew(self) -> None:
        body = {"refresh": self._refresh}
        answer = await self.api.send("refresh", "POST", "/api/token/refresh/", body)
        if answer.status != 200:
            raise GaveUpError(f"token refresh: {answer.problem()}")
        self._access = answer.body["access"]

    def _headers(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._access}", "Idempotency-Key": key}


def _json(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
