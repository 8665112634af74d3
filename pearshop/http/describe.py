"""What the OpenAPI document says of routes that read their own bodies."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from pearshop.http.body import FORMS
from pearshop.http.query import parameters
from pearshop.schemas.problem import Problem
from pearshop.schemas.query import Query, Sparse

TITLES = {
    400: "The request breaks a rule; each field is named.",
    401: "No token, or one that is expired, revoked or forged.",
    403: "Signed in, but not allowed.",
    404: "Not there, or someone else's.",
    408: "The body did not arrive in time.",
    409: "The request no longer fits the state of things.",
    412: "The thing is no longer what `If-Match` names.",
    413: "The body is too large.",
    415: "The body is in a format that is not read here.",
    422: "The Idempotency-Key was used for another request.",
    429: "Too many requests; `Retry-After` tells when to send it again.",
    503: "The shop cannot do it now; `safe_to_repeat` tells whether to send it again.",
}

KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Chosen by the client; a repeat under the same key answers as the first did.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
SEEN = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag that the change builds on; 412 if the thing is another by now.",
    "schema": {"type": "string"},
}
KNOWN = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of what the client has; 304 if that is still right.",
    "schema": {"type": "string"},
}


def route(
    *,
    body: type[BaseModel] | None = None,
    content: Mapping[str, Any] | None = None,
    file: str | None = None,
    signed_in: bool = False,
    keyed: bool = False,
    seen: bool = False,
    media: str | None = None,
    known: bool = False,
    query: type[Query] | None = None,
    probe: bool = False,
    errors: tuple[int, ...] = (),
) -> dict[str, Any]:
    """Return what FastAPI's route decorators are to be told besides path and answer.

    `content`: schemas of a body that is no model, by media type; `file`: the name of the one that
    a form brings; `media`: the type of an answer that is no JSON.
    `keyed`: under an idempotency key; `seen`: under `If-Match`; `known`: what is read, under
    `If-None-Match`; `query`: by these parameters, and so, where they tell members of the answer;
    `probe`: for machines that ask for health, without limit however busy the shop is.
    """
    statuses = set(errors) | ({503} if probe else {429, 503})
    known = known or (query is not None and issubclass(query, Sparse))
    headers = [each for each, told in ((KEY, keyed), (SEEN, seen), (KNOWN, known)) if told]
    extra: dict[str, Any] = {"parameters": headers + (parameters(query) if query else [])}
    responses: dict[int, dict[str, Any]] = {}
    if body is not None:
        content = _bodies(body)
    elif file is not None:
        content = _form_with(file)
    if content is not None:
        statuses |= {400, 408, 413, 415}
        extra["requestBody"] = {"required": True, "content": content}
    if signed_in:
        statuses.add(401)
        extra["security"] = [{"bearer": []}]
    if keyed:
        statuses |= {400, 409, 422}
    if seen:
        statuses |= {400, 412}
    if query:
        statuses.add(400)
    if media:
        responses[200] = {"content": {media: {"schema": {"type": "string"}}}}
    if known:
        responses[304] = {"description": "The client has it already."}
    for status in sorted(statuses):
        responses[status] = {"model": Problem, "description": TITLES[status]}
    return {"openapi_extra": extra, "responses": responses}


def _bodies(model: type[BaseModel]) -> dict[str, Any]:
    """Return a body's description for each media type; forms hold no objects within objects."""
    schema = model.model_json_schema()
    inner = schema.pop("$defs", {})
    kinds = ("application/json",) if inner else ("application/json", *FORMS)
    return {kind: {"schema": _inlined(schema, inner)} for kind in kinds}


def _form_with(file: str | None) -> dict[str, Any]:
    content = {"type": "string", "contentMediaType": "application/octet-stream"}
    schema = {"type": "object", "properties": {file: content}, "required": [file]}
    return {"multipart/form-data": {"schema": schema}}


def _inlined(schema: Any, inner: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        return [_inlined(each, inner) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(inner[schema["$ref"].rpartition("/")[2]], inner)
    return {name: _inlined(each, inner) for name, each in schema.items()}
