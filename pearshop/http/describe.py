"""What the OpenAPI document says of routes that read their own bodies."""

from typing import Any

from pydantic import BaseModel

from pearshop.http.body import FORMS
from pearshop.schemas.problem import Problem

TITLES = {
    400: "The request breaks a rule; each field is named.",
    401: "No token, or one that is expired, revoked or forged.",
    403: "Signed in, but not allowed.",
    404: "Not there, or someone else's.",
    409: "The request no longer fits the state of things.",
    413: "The body is too large.",
    415: "The body is neither JSON nor a form.",
    422: "The Idempotency-Key was used for another request.",
    503: "The shop cannot do it now; `safe_to_repeat` tells whether to send it again.",
}

KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Chosen by the client; a repeat under the same key answers as the first did.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
PAGING = [
    {
        "name": "limit",
        "in": "query",
        "required": False,
        "schema": {"type": "integer", "minimum": 1, "maximum": 500, "default": 100},
    },
    {
        "name": "cursor",
        "in": "query",
        "required": False,
        "description": "From the `Link` header of the page before.",
        "schema": {"type": "string"},
    },
]


def route(
    *,
    body: type[BaseModel] | None = None,
    signed_in: bool = False,
    keyed: bool = False,
    paged: bool = False,
    errors: tuple[int, ...] = (),
) -> dict[str, Any]:
    """Return what FastAPI's route decorators are to be told besides path and answer."""
    statuses = set(errors) | {503}
    extra: dict[str, Any] = {"parameters": ([KEY] if keyed else []) + (PAGING if paged else [])}
    if body is not None:
        statuses |= {400, 413, 415}
        extra["requestBody"] = {
            "required": True,
            "content": {
                kind: {"schema": body.model_json_schema()} for kind in ("application/json", *FORMS)
            },
        }
    if signed_in:
        statuses.add(401)
        extra["security"] = [{"bearer": []}]
    if keyed:
        statuses |= {409, 422}
    if paged:
        statuses.add(400)
    return {
        "openapi_extra": extra,
        "responses": {
            status: {"model": Problem, "description": TITLES[status]} for status in sorted(statuses)
        },
    }
