"""The refresh token of web clients, in a cookie that no script can read.

A page that asks for it (`"cookie": true` at sign-in) gets its access token alone, keeps that in
memory, and renews it at `/api/token/refresh/`, the one place that the cookie is sent to and counts
at. Native clients never see a cookie.
"""

from starlette.requests import Request
from starlette.responses import Response

from pearshop.http.tokens import REFRESH_S

NAME = "pearshop_refresh"
PATH = "/api/token/"


def keep(response: Response, refresh: str) -> Response:
    """Return the response, by which the browser keeps a refresh token for its life."""
    return _set(response, refresh, REFRESH_S)


def drop(response: Response) -> Response:
    """Return the response, by which the browser forgets the token."""
    return _set(response, "", 0)


def kept(request: Request) -> str | None:
    """Return the refresh token that the browser has kept."""
    return request.cookies.get(NAME)


def _set(response: Response, value: str, seconds: int) -> Response:
    response.set_cookie(
        NAME, value, max_age=seconds, path=PATH, secure=True, httponly=True, samesite="strict"
    )
    return response
