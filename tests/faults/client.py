"""One shopper's way to the shop: sends an operation until it is answered, and records it."""

import asyncio
import time
from typing import Any

import aiohttp
import orjson

from loadtests.book import Acknowledged, SoldLine
from tests.faults.history import (
    Add,
    Answer,
    Attempt,
    Change,
    History,
    Line,
    Operation,
    Order,
    Read,
    Remove,
    Request,
    SignIn,
)

PATIENCE_S = 30.0
"""After this an operation is given up."""
TIMEOUT = aiohttp.ClientTimeout(total=10)
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 0.25
"""Whatever `Retry-After` says, for gaps are to be measured finely."""
PASSWORD = "correct horse battery"
CART = "/api/order-item/"


class Client:
    """Speaks for one shopper; several devices may use it at once."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, history: History, username: str
    ) -> None:
        self.username = username
        self._session = session
        self._url = url.rstrip("/")
        self._history = history
        self._count = 0
        self._access = ""
        self._refresh = ""
        self._renewing = asyncio.Lock()

    async def register(self) -> None:
        """Make the account. A repeat after a lost answer finds the name taken, which is fine."""
        await self._open("/api/register/")

    async def sign_in(self) -> None:
        """Open a session. Raises `RuntimeError` when that fails."""
        tokens = await self._open("/api/login/")
        if tokens is None:
            raise RuntimeError(f"{self.username} cannot sign in")
        self._access, self._refresh = tokens["access"], tokens["refresh"]

    async def perform(self, device: int, request: Request) -> Operation:
        """Send a request under a new key until it is answered or patience ends."""
        operation, _ = await self._perform(device, request, None)
        return operation

    async def _open(self, path: str) -> Any:
        body = {"username": self.username, "password": PASSWORD}
        return (await self._perform(0, SignIn(path), body))[1]

    async def _perform(self, device: int, request: Request, body: Any) -> tuple[Operation, Any]:
        """Return the operation and the JSON of a good answer."""
        self._count += 1
        key = f"{self.username}-{self._count}"
        operation = Operation(self.username, device, key, request, time.monotonic())
        self._history.operations.append(operation)
        while True:
            access = self._access
            attempt, content = await self._attempt(operation, access, body)
            operation.attempts.append(attempt)
            if _may_renew(operation):
                await self._renew(access)
            elif attempt.answered:
                return operation, _settle(operation, attempt, content)
            else:
                pause = _pause(operation)
                if time.monotonic() + pause - operation.began >= PATIENCE_S:
                    operation.give_up(time.monotonic())
                    return operation, None
                await asyncio.sleep(pause)

    async def _renew(self, expired: str) -> None:
        async with self._renewing:
            if self._access == expired:
                body = {"refresh": self._refresh}
                _, tokens = await self._perform(0, SignIn("/api/token/refresh/"), body)
                self._access = tokens["access"] if tokens else expired

    async def _attempt(self, operation: Operation, access: str, body: Any) -> tuple[Attempt, Any]:
        method, path, members = _http(operation.request)
        headers = {"Content-Type": "application/json", "Idempotency-Key": operation.key}
        if access:
            headers["Authorization"] = f"Bearer {access}"
        data = orjson.dumps(body or members) if body or members else None
        began = time.monotonic()
        try:
            async with self._session.request(
                method, self._url + path, data=data, headers=headers, timeout=TIMEOUT
            ) as response:
                content = _json(await response.read())
                status, retry_after = response.status, response.headers.get("Retry-After", "")
        except (aiohttp.ClientError, OSError) as error:
            reached = not isinstance(error, aiohttp.ClientConnectorError)
            seconds = time.monotonic() - began
            return Attempt(began, seconds, error=type(error).__name__, reached=reached), None
        told = content if isinstance(content, dict) else {}
        safe = told.get("safe_to_repeat")
        unreadable = status // 100 == 2 and not _readable(operation.request, content)
        attempt = Attempt(
            began,
            time.monotonic() - began,
            status,
            code=str(told.get("code", "")),
            error="unreadable" if unreadable else "",
            retry_after=float(retry_after) if retry_after.isdigit() else None,
            safe_to_repeat=safe if isinstance(safe, bool) else None,
        )
        return attempt, content


def _http(request: Request) -> tuple[str, str, Any]:
    """Return method, path and body."""
    match request:
        case Add(product_id, quantity):
            return "POST", CART, {"product_id": product_id, "quantity": quantity}
        case Change(line_id, quantity, None):
            return "PATCH", f"{CART}{line_id}/", {"quantity": quantity}
        case Change(line_id, quantity, product_id):
            return (
                "PATCH",
                f"{CART}{line_id}/",
                {"quantity": quantity, "product_id": product_id},
            )
        case Remove(line_id):
            return "DELETE", f"{CART}{line_id}/", None
        case Read():
            return "GET", CART, None
        case Order(line_ids, address):
            body = {"delivery_address": address, "order_item_ids": line_ids}
            return "POST", "/api/order/", body
        case SignIn(path):
            return "POST", path, None


def _answer(request: Request, content: Any) -> Answer:
    """Return a good answer's content. Raises `KeyError`, `TypeError` or `ValueError`."""
    match request:
        case Add() | Change():
            return _line(content)
        case Read():
            return tuple(_line(each) for each in content)
        case Order():
            return Acknowledged(
                content["id"],
                content["user"]["username"],
                content["total_price"],
                tuple(_sold(each) for each in content["order_items"]),
            )
        case Remove() | SignIn():
            return None


def _line(content: Any) -> Line:
    return Line(content["id"], content["product"]["id"], content["quantity"])


def _sold(content: Any) -> SoldLine:
    return SoldLine(*_line(content), content["product"]["price"])


def _readable(request: Request, content: Any) -> bool:
    try:
        _answer(request, content)
    except (KeyError, TypeError, ValueError):
        return False
    return True


def _settle(operation: Operation, attempt: Attempt, content: Any) -> Any:
    now = attempt.began + attempt.seconds
    if attempt.status is not None and attempt.status // 100 == 2:
        operation.acknowledge(_answer(operation.request, content), now)
        return content
    operation.refuse(attempt.code, now)
    return None


def _may_renew(operation: Operation) -> bool:
    """Whether the last answer was the first to say that the access token is no good."""
    statuses = [attempt.status for attempt in operation.attempts]
    signing_in = isinstance(operation.request, SignIn)
    return statuses[-1] == 401 and statuses.count(401) == 1 and not signing_in


def _pause(operation: Operation) -> float:
    """Return the seconds to wait before the next attempt."""
    asked = operation.attempts[-1].retry_after
    doubled = FIRST_PAUSE_S * 2.0 ** min(operation.retries, 8)
    return min(doubled if asked is None else asked, LONGEST_PAUSE_S)


def _json(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
