"""Sends one message to one URL and tells what came of it. The one place that sends HTTP."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import httpx

from pearshop.errors import Refused
from pearshop.webhooks.address import Address, address_of

TIMEOUT_S = 10.0
"""For all of an attempt: the look-up of the name, the connection, and the answer."""
CONNECT_S = 4.0
"""For one of a host's addresses; the next one is tried then."""
MOST_BYTES = 4_096
"""Of an answer that is no success; no more of it is read, and less is kept."""
MOST_TEXT = 300
TEXT_S = 1.0
"""How long that text is waited for; the status says enough."""


class Answer(NamedTuple):
    """What came of it; `error` is empty where it was taken. `duration` in s."""

    status: int | None
    error: str
    duration: float


class Sender:
    """Sends to addresses that `resolve` returns for a host, once for each message.

    It connects to just these: a name that leads elsewhere a moment later leads nobody there. Nor
    do redirects or the proxies of this process' environment, which are not followed.
    """

    def __init__(
        self,
        resolve: Callable[[Address], Awaitable[list[str]]],
        *,
        timeout: float = TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._resolve = resolve
        self._timeout = timeout
        self._http = httpx.AsyncClient(
            verify=tls or httpx.create_ssl_context(),
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(timeout, connect=CONNECT_S),
            # A connection belongs to a host's name, which the client does not know here.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a body. Never raises for what a URL, a network or a receiver does."""
        began = time.monotonic()
        status, error = None, ""
        try:
            async with asyncio.timeout(self._timeout):
                status, error = await self._send(address_of(url), headers, body)
        except TimeoutError:
            error = f"no answer within {self._timeout:g} s"
        except Refused as refusal:
            error = refusal.detail
        except httpx.HTTPError as failure:
            error = _plain(str(failure) or type(failure).__name__)
        return Answer(status, error, time.monotonic() - began)

    async def close(self) -> None:
        """Break off what is under way."""
        await self._http.aclose()

    async def _send(
        self, address: Address, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str]:
        """Return status and error; of several addresses the first that can be connected to."""
        *others, last = await self._resolve(address)
        for ip in others:
            try:
                return await self._send_to(ip, address, headers, body)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._send_to(last, address, headers, body)

    async def _send_to(
        self, ip: str, address: Address, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str]:
        async with self._http.stream(
            "POST",
            address.by_way_of(ip),
            content=body,
            headers={**headers, "Host": address.authority, "Accept-Encoding": "identity"},
            extensions={"sni_hostname": address.host},
        ) as answer:
            if answer.is_success:
                return answer.status_code, ""
            return answer.status_code, await _refusal(answer)


async def _refusal(answer: httpx.Response) -> str:
    """Return the status, and how the text begins that came with it."""
    if answer.is_redirect:
        return f"answered {answer.status_code}: redirects are not followed, enter the new URL"
    text = b""
    with contextlib.suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(TEXT_S):
            async for part in answer.aiter_raw():
                text += part
                if len(text) >= MOST_BYTES:
                    break
    told = "" if "content-encoding" in answer.headers else _plain(text.decode(errors="replace"))
    return f"answered {answer.status_code}" + (f": {told}" if told else "")


def _plain(text: str) -> str:
    """Return the beginning of a text on one line, without what cannot be shown."""
    shown = "".join(each if each.isprintable() else " " for each in text[:MOST_BYTES])
    return " ".join(shown.split())[:MOST_TEXT]
