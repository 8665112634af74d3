"""Request bodies: JSON, URL-encoded and multipart forms become one pydantic model."""

import asyncio
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest

from pearshop.errors import Invalid, Refused
from pearshop.schemas.base import Request

M = TypeVar("M", bound=Request)

TOO_LARGE = 413
ARRIVING = "pearshop.arriving"
"""Member of a request's scope: its body was not all there yet when its time was over."""
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class UnsupportedBody(Refused):
    """A body in a format that is not spoken here."""


async def read(request: HttpRequest, model: type[M]) -> M:
    """Return the body as `model`. Raises `Invalid`, which names each field, or `Refused`."""
    try:
        members = await _members(request, model)
    except asyncio.CancelledError:
        request.scope[ARRIVING] = True
        raise
    try:
        return model.model_validate(members)
    except ValidationError as error:
        raise invalid(error) from None


def invalid(error: ValidationError, whole: str = "body") -> Invalid:
    """Return the refusal that names each field and what is wrong with it, or else the `whole`."""
    fields: dict[str, list[str]] = {}
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(each["loc"][0]) if each["loc"] else whole
        fields.setdefault(name, []).append(each["msg"].removeprefix("Value error, "))
    detail = "; ".join(f"{name}: {', '.join(problems)}" for name, problems in fields.items())
    return Invalid(detail, "invalid", dict(fields))


async def _members(request: HttpRequest, model: type[Request]) -> dict[str, Any]:
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedBody("Send the body uncompressed.", "unsupported_media_type")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in FORMS:
        try:
            form = await request.form(max_files=0, max_fields=2_000)
        except HTTPException as error:
            if error.status_code == TOO_LARGE:
                raise
            raise _malformed_form() from None
        except UnicodeError:  # a charset that is none for text, `undefined` for one
            raise _malformed_form() from None
        return _form_members(form, model)
    if kind not in {"", "application/json"} and not kind.endswith("+json"):
        raise UnsupportedBody(
            "Send the body as application/json or as a form.", "unsupported_media_type"
        )
    return _json_members(await request.body())


def _malformed_form() -> Refused:
    return Refused("The form cannot be read: check its encoding.", "malformed")


def _json_members(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(f"The body is not JSON: {error}.", "malformed") from None
    if not isinstance(members, dict):
        raise Refused("The body must be a JSON object.", "malformed")
    return members


def _form_members(form: FormData, model: type[Request]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name in form:
        values = form.getlist(name)
        if any(not isinstance(value, str) for value in values):
            raise Invalid.of(name, "must be text, not a file.")
        field = model.model_fields.get(name.removesuffix("[]"))
        is_list = field is not None and "list" in str(field.annotation)
        members[name.removesuffix("[]") if is_list else name] = values if is_list else values[-1]
    return members
