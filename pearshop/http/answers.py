"""JSON answers and the errors that stand in for them."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from pearshop.errors import (
    Conflict,
    Forbidden,
    Invalid,
    KeyReused,
    NotFound,
    Overtaken,
    Refused,
    TooMany,
    Unauthenticated,
    Unavailable,
)
from pearshop.schemas.problem import render_problem

STATUS_OF: dict[type[Refused], int] = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    Overtaken: 412,
    KeyReused: 422,
    TooMany: 429,
    Refused: 400,
}
"""The one place where a typed refusal becomes a status."""
REPEATED = {"Idempotent-Replayed": "true"}
"""Headers of the answer to a request that its idempotency key had carried out before."""
PRIVATE = {"Cache-Control": "private, no-store"}
NO_STORE = {"Cache-Control": "no-store"}
"""Headers of whatever is not for everyone."""
IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
"""Headers of what never changes at its address."""


def json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer of plain values, for the caller alone."""
    headers = {**PRIVATE, **(headers or {})}
    return Response(orjson.dumps(content), status, headers, "application/json")


def problem(
    status: int,
    detail: str,
    code: str,
    extra: dict[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error answer."""
    body = render_problem(status, HTTPStatus(status).phrase, detail, code, extra)
    return json(body, status, headers)


def refusal(error: Refused) -> Response:
    """Return the answer to a request that cannot be done as it stands."""
    headers = None
    if isinstance(error, Unauthenticated):
        headers = {"WWW-Authenticate": "Bearer"}
    elif isinstance(error, TooMany):
        headers = {"Retry-After": str(error.extra["retry_after"])}
    return problem(STATUS_OF[type(error)], error.detail, error.code, error.extra, headers)


def unavailable(error: Unavailable, *, may_repeat: bool) -> Response:
    """Return 503. `may_repeat`: sent again, the request does no more than sent once."""
    safe = may_repeat or not error.unknown
    advice = (
        "It is safe to send the same request again."
        if safe
        else "Look whether it was done before you send it again."
    )
    return problem(
        503,
        f"{error.detail} {advice}",
        "unavailable",
        {"safe_to_repeat": safe},
        {"Retry-After": str(error.retry_after)},
    )
