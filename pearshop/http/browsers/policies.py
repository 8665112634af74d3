"""Headers that keep browsers from taking an answer for what it is not.

Answers of the API are data: nothing in them is to be run, loaded or framed. Pages have a policy
that names what they are made of.
"""

import base64
import hashlib
import re
from collections.abc import Sequence

from starlette.types import Message, Send

NOSNIFF = (b"x-content-type-options", b"nosniff")
POLICY = b"content-security-policy"
DATA = (NOSNIFF, (POLICY, b"default-src 'none'; frame-ancestors 'none'"))
"""Headers of an answer that is no page."""
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


class Policies:
    """A `send` that adds policies; `started`: an answer has begun."""

    __slots__ = ("_policies", "_send", "started")

    def __init__(self, send: Send, policies: Sequence[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._policies = policies
        self.started = False

    async def __call__(self, message: Message) -> None:
        """Send a message of the answer."""
        if message["type"] == "http.response.start":
            self.started = True
            headers = message["headers"]
            if self._policies and any(name == POLICY for name, _ in headers):
                message["headers"] = [*headers, NOSNIFF]
            else:
                message["headers"] = [*headers, *self._policies]
        await self._send(message)


def page_policies(html: str) -> dict[str, str]:
    """Return headers for a page that loads from the shop alone, and runs just the scripts in it."""
    hashes = " ".join(f"'sha256-{_sha256(each)}'" for each in INLINE_SCRIPT.findall(html))
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
    }


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
