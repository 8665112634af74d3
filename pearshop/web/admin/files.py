"""Styles and scripts: read once, served under an address that changes with them."""

import gzip
import hashlib
import mimetypes
from importlib.resources import files
from typing import NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
SHORT = {"Cache-Control": "no-cache"}
WORTH_IT = 600


class _File(NamedTuple):
    content: bytes
    compressed: bytes
    kind: str


class Files:
    """The folder `static`. Modules import each other relatively, so one digest is for them all."""

    def __init__(self) -> None:
        self._files: dict[str, _File] = {}
        digest = hashlib.blake2b(digest_size=8)
        folder = files("pearshop.web.admin") / "static"
        for each in sorted(folder.iterdir(), key=lambda each: each.name):
            content = each.read_bytes()
            digest.update(each.name.encode() + b"\0" + content)
            kind = mimetypes.guess_type(each.name)[0] or "application/octet-stream"
            self._files[each.name] = _File(content, gzip.compress(content, 9, mtime=0), kind)
        self._digest = digest.hexdigest()

    def at(self, name: str) -> str:
        """Return the path of a file, below the admin's own. Raises `KeyError`."""
        self._files[name]
        return f"/static/{self._digest}/{name}"

    async def serve(self, request: Request) -> Response:
        """Answer with a file; with an old digest, as during a release, not for long."""
        found = self._files.get(request.path_params["name"])
        if found is None:
            raise HTTPException(404)
        known = request.path_params["digest"] == self._digest
        headers = {**(IMMUTABLE if known else SHORT), "Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", "") and len(found.content) > WORTH_IT:
            headers["Content-Encoding"] = "gzip"
            return Response(found.compressed, 200, headers, found.kind)
        return Response(found.content, 200, headers, found.kind)
