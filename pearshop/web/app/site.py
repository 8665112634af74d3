"""Serves the app's files from memory: plain ASGI."""

import gzip
import hashlib
import re

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pearshop.http.negotiation import is_known, takes_gzip
from pearshop.web.app.bundle import Bundle, File

SCREENS = re.compile(r"/(?:product/\d+|cart|checkout|orders(?:/\d+)?|account)?/?")
"""Addresses that the app makes up; all of them lead to its page."""
POLICIES = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; "
        "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Nothing comes from elsewhere but pictures, whose addresses staff choose."""
NO_CACHE = "no-cache"
FOR_GOOD = "public, max-age=31536000, immutable"


class Site:
    """Answers for the app's addresses; whatever else is asked goes on to `others`."""

    def __init__(self, bundle: Bundle, others: ASGIApp) -> None:
        self._page = _Ready(bundle.page, NO_CACHE)
        kept = {each.path: _Ready(each, FOR_GOOD) for each in bundle.files}
        self._files = {**kept, bundle.worker.path: _Ready(bundle.worker, NO_CACHE)}
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        found = self._find(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._others(scope, receive, send)
            return
        response: Response
        if scope["method"] in {"GET", "HEAD"}:
            response = found.answer(Headers(scope=scope), head=scope["method"] == "HEAD")
        else:
            response = PlainTextResponse("This is a page: GET it.", 405, {"Allow": "GET, HEAD"})
        await response(scope, receive, send)

    def _find(self, path: str) -> "_Ready | None":
        return self._files.get(path) or (self._page if SCREENS.fullmatch(path) else None)


class _Ready:
    """A file, compressed beforehand where that makes it smaller."""

    def __init__(self, file: File, caching: str) -> None:
        self._plain = file.content
        packed = gzip.compress(file.content, 9, mtime=0)
        self._packed = packed if len(packed) < len(file.content) else None
        self._tag = hashlib.sha256(file.content).hexdigest()[:16]
        self._headers = {**POLICIES, "Content-Type": file.kind, "Cache-Control": caching}
        if self._packed:
            self._headers["Vary"] = "Accept-Encoding"

    def answer(self, asked: Headers, *, head: bool) -> Response:
        """Return the file, or 304 to whoever has it."""
        headers = {**self._headers, "ETag": f'"{self._tag}"'}
        content = self._plain
        if self._packed and takes_gzip(asked.get("accept-encoding")):
            content = self._packed
            headers |= {"Content-Encoding": "gzip", "ETag": f'"{self._tag}-gzip"'}
        if is_known(asked.get("if-none-match"), headers["ETag"]):
            return Response(None, 304, headers)
        headers["Content-Length"] = str(len(content))
        return Response(None if head else content, 200, headers)
