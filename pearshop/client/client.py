"""One caller of the API, signed in or not."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx

from pearshop.client.audit import Audit
from pearshop.client.base import wire
from pearshop.client.bulk import Bulks
from pearshop.client.cart import Carts
from pearshop.client.image import Images
from pearshop.client.order import Orders
from pearshop.client.problem import error_of
from pearshop.client.product import Products
from pearshop.client.report import Reports
from pearshop.client.shop import Shop
from pearshop.client.transport import Call, Transport
from pearshop.client.user import Me, Users
from pearshop.client.webhook import Webhooks
from pearshop.errors import Unauthenticated, Unavailable


@dataclass(frozen=True)
class Tokens:
    """What stands for a session. Without `access`, one is fetched when it is needed."""

    refresh: str
    access: str | None = None


class Client:
    """Calls in one caller's name; a new access token is fetched when the present one has expired.

    `tokens` are those of now: whoever keeps them looks again after a call. `headers` go with each
    request. Clients share a transport at no cost.
    """

    def __init__(
        self,
        transport: Transport,
        tokens: Tokens | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.tokens = tokens
        self._transport = transport
        self._headers = dict(headers or {})
        self._renewing = asyncio.Lock()
        self.audit = Audit(self)
        self.bulks = Bulks(self)
        self.carts = Carts(self)
        self.images = Images(self)
        self.orders = Orders(self)
        self.products = Products(self)
        self.reports = Reports(self)
        self.shop = Shop(self)
        self.users = Users(self)
        self.webhooks = Webhooks(self)

    async def sign_in(self, username: str, password: str) -> None:
        """Open a session. Raises `Unauthenticated`."""
        wish = {"username": username, "password": password}
        answer = await self._send(Call("POST", "/api/login/", json=wish))
        self.tokens = Tokens(**answer.json())

    async def sign_out(self) -> None:
        """End the session: the shop refuses its tokens from now on."""
        await self.call("POST", "/api/logout/", repeatable=True)
        self.tokens = None

    async def me(self) -> Me:
        """Return who is signed in."""
        answer = await self.call("GET", "/api/me/")
        return Me.model_validate_json(answer.content)

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        files: Mapping[str, bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> httpx.Response:
        """Return the answer to a call; parameters that are `None` are left out.

        Raises what the shop refuses, and `Unavailable`.
        """
        given = {name: wire(each) for name, each in (params or {}).items() if each is not None}
        return await self._as_me(
            Call(
                method,
                path,
                given,
                json,
                files,
                headers=headers or {},
                repeatable=repeatable,
            )
        )

    async def stream(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        content: bytes | None = None,
    ) -> AsyncIterator[bytes]:
        """Return what there is at a path, or what becomes of `content` sent there, as it comes.

        Raises as `call` does before it begins, and `Unavailable` where it breaks off.
        """
        given = {name: wire(each) for name, each in (params or {}).items() if each is not None}
        method = "GET" if content is None else "POST"
        answer = await self._as_me(Call(method, path, given, content=content, streamed=True))

        async def parts() -> AsyncIterator[bytes]:
            try:
                async for each in answer.aiter_bytes():
                    yield each
            except httpx.HTTPError:
                raise Unavailable("The shop broke off its answer.", content is not None) from None
            finally:
                await answer.aclose()

        return parts()

    async def _as_me(self, call: Call) -> httpx.Response:
        if self.tokens is None:
            return await self._send(call)
        access = self.tokens.access or await self._renew(None)
        try:
            return await self._send(call, access)
        except Unauthenticated as error:
            if error.code != "token_invalid":
                raise
        return await self._send(call, await self._renew(access))

    async def _renew(self, old: str | None) -> str:
        """Return another access token than `old`, fetched once for all that wait for it."""
        async with self._renewing:
            if self.tokens is None:
                raise Unauthenticated("This session is over: sign in again.", "session_over")
            if self.tokens.access is None or self.tokens.access == old:
                call = Call(
                    "POST",
                    "/api/token/refresh/",
                    json={"refresh": self.tokens.refresh},
                    repeatable=True,
                )
                access = str((await self._send(call)).json()["access"])
                self.tokens = replace(self.tokens, access=access)
            assert self.tokens.access is not None
            return self.tokens.access

    async def _send(self, call: Call, access: str | None = None) -> httpx.Response:
        extra = {"Authorization": f"Bearer {access}"} if access else {}
        headers = {**self._headers, **call.headers, **extra}
        answer = await self._transport.send(replace(call, headers=headers))
        if answer.is_error:
            raise error_of(answer)
        return answer
