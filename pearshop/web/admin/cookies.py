"""What the browser keeps: the tokens, where no script can read them, and a word from page to page.

The tokens' cookies are sent to `/admin` alone and by its own pages alone (`SameSite=Strict`), over
TLS alone where the page came by it.
"""

import base64
import binascii
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from pearshop.client import Tokens

ACCESS, REFRESH = "pearshop_admin_access", "pearshop_admin_refresh"
SAID = "pearshop_admin_said"
ZONE = "pearshop_admin_zone"
"""Set by a script: the zone that the browser's clock is in."""
REFRESH_S = 7 * 24 * 3600
"""As long as the shop's refresh tokens live."""
SAID_S = 60
MAX_SAID = 1_500


class Said(NamedTuple):
    """What the page that follows tells: what was done, or why it could not be."""

    text: str
    good: bool = True


def tokens(request: Request) -> Tokens | None:
    """Return the tokens that the browser keeps."""
    refresh = request.cookies.get(REFRESH)
    return Tokens(refresh, request.cookies.get(ACCESS)) if refresh else None


def keep(request: Request, response: Response, kept: Tokens) -> None:
    """Have the browser keep tokens. The access token goes when the browser is closed."""
    _set(request, response, REFRESH, kept.refresh, REFRESH_S)
    if kept.access:
        _set(request, response, ACCESS, kept.access, None)


def drop(request: Request, response: Response) -> None:
    """Have the browser forget the tokens."""
    for name in (REFRESH, ACCESS):
        _set(request, response, name, "", 0)


def say(request: Request, response: Response, said: Said) -> None:
    """Have the page that follows tell something."""
    text = ("+" if said.good else "-") + said.text[:MAX_SAID]
    value = base64.urlsafe_b64encode(text.encode()).decode()
    _set(request, response, SAID, value, SAID_S)


def said(request: Request) -> Said | None:
    """Return what the page before said."""
    try:
        text = base64.urlsafe_b64decode(request.cookies.get(SAID, "")).decode()
    except (binascii.Error, ValueError):
        return None
    return Said(text[1:], text[0] == "+") if text else None


def forget(request: Request, response: Response) -> None:
    """Have the browser forget what was said."""
    if SAID in request.cookies:
        _set(request, response, SAID, "", 0)


def is_secure(request: Request) -> bool:
    """Return whether the page came by TLS, which an edge before the shop ends and tells of."""
    return "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))


def _set(request: Request, response: Response, name: str, value: str, seconds: int | None) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=request.scope.get("root_path") or "/",
        secure=is_secure(request),
        httponly=True,
        samesite="strict",
    )
