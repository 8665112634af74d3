"""Request bodies: JSON, URL-encoded and multipart forms become one pydantic model."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any, TypeVar

import orjson
from pydantic import ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest

from pearshop.errors import Invalid, Refused
from pearshop.schemas.base import Request

M = TypeVar("M", bound=Request)

TOO_LARGE = 413
ARRIVING = "pearshop.arriving"
"""Member of a request's scope: its body was not all there yet when its time was over."""
TIME = "pearshop.time"
"""Member of a request's scope: the `asyncio.Timeout` that it is under."""
FILE_S = 20.0
"""How long a file may take to arrive: 3 MB at 1.2 Mbit/s. Ray Serve ends all after 30 s."""
MAX_PARTS = 20
"""Of a form with a file: what else is in it is ignored."""
MULTIPART = "multipart/form-data"
FORMS = ("application/x-www-form-urlencoded", MULTIPART)


class UnsupportedBody(Refused):
    """A body in a format that is not spoken here."""


async def read(request: HttpRequest, model: type[M]) -> M:
    """Return the body as `model`. Raises `Invalid`, which names each field, or `Refused`."""
    with _arriving(request):
        members = await _members(request, model)
    try:
        return model.model_validate(members)
    except ValidationError as error:
        raise invalid(error) from None


async def read_file(request: HttpRequest, name: str) -> bytes:
    """Return the file that a form brings under this name. Raises `Invalid` or `Refused`.

    However long it takes to arrive, the request has the rest of its time left then.
    """
    if _kind(request) != MULTIPART:
        raise UnsupportedBody(
            f"Send the file as multipart/form-data, under {name!r}.", "unsupported_media_type"
        )
    time, now = request.scope[TIME], asyncio.get_running_loop().time
    left = time.when() - now()
    time.reschedule(now() + FILE_S)
    with _arriving(request):
        form = await _form(request, max_files=MAX_PARTS, max_fields=MAX_PARTS)
    time.reschedule(now() + left)
    sent = form.getlist(name)
    try:
        match sent:
            case [UploadFile() as file]:
                return await file.read()
            case []:
                raise Invalid.of(name, "Field required")
            case [_]:
                raise Invalid.of(name, "must be a file: send its name with it.")
        raise Invalid.of(name, "send one file at a time.")
    finally:
        await form.close()


@contextlib.contextmanager
def _arriving(request: HttpRequest) -> Iterator[None]:
    """Note when the request's time is over meanwhile that it was for the body that it waited."""
    try:
        yield
    except asyncio.CancelledError:
        request.scope[ARRIVING] = True
        raise


def invalid(error: ValidationError, whole: str = "body") -> Invalid:
    """Return the refusal that names each field and what is wrong with it, or else the `whole`."""
    fields: dict[str, list[str]] = {}
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        name = str(each["loc"][0]) if each["loc"] else whole
        fields.setdefault(name, []).append(each["msg"].removeprefix("Value error, "))
    detail = "; ".join(f"{name}: {', '.join(problems)}" for name, problems in fields.items())
    return Invalid(detail, "invalid", dict(fields))


def _kind(request: HttpRequest) -> str:
    """Return the media type of a body. Raises `UnsupportedBody` for one that is compressed."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise UnsupportedBody("Send the body uncompressed.", "unsupported_media_type")
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _members(request: HttpRequest, model: type[Request]) -> dict[str, Any]:
    kind = _kind(request)
    if kind in FORMS:
        return _form_members(await _form(request, max_files=0, max_fields=2_000), model)
    if kind not in {"", "application/json"} and not kind.endswith("+json"):
        raise UnsupportedBody(
            "Send the body as application/json or as a form.", "unsupported_media_type"
        )
    return _json_members(await request.body())


async def _form(request: HttpRequest, *, max_files: int, max_fields: int) -> FormData:
    try:
        return await request.form(max_files=max_files, max_fields=max_fields)
    except HTTPException as error:
        if error.status_code == TOO_LARGE:
            raise
        raise _malformed_form() from None
    except UnicodeError:  # a charset that is none for text, `undefined` for one
        raise _malformed_form() from None


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
