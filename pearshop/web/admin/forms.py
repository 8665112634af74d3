"""What browsers send: bounded, and read leniently where no harm comes of it."""

import base64
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.requests import Request

from pearshop.errors import Invalid

MAX_BYTES = 512 * 1024
"""A description of 20,000 characters, each nine bytes long when encoded, twice, and room."""
MAX_FILE_BYTES = 32 * 1024 * 1024
"""What the API takes is less; it says so itself."""
MAX_FIELDS = 1_000
TOO_LARGE = "too_large"
"""The code of refusals, the API's as well, of what is too large."""


class Words(dict[str, str]):
    """Texts by name; one that is not there is empty."""

    def __missing__(self, name: str) -> str:
        return ""


class Form:
    """The fields of a form, stripped. A field that is absent is empty."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def __getitem__(self, name: str) -> str:
        return _clean(self.exactly(name))

    def exactly(self, name: str) -> str:
        """Return a field as it was sent, for passwords."""
        return next((value for key, value in self._pairs if key == name), "")

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self._pairs)

    def filled(self, names: Iterable[str]) -> Words:
        """Return those of the named fields that are not empty."""
        return Words({name: self[name] for name in names if self[name]})

    def all(self, name: str) -> list[str]:
        """Return all values of a field, for boxes that are ticked."""
        return [_clean(value) for key, value in self._pairs if key == name]

    def identities(self, name: str) -> list[int]:
        """Return the ids among the values of a field, each once."""
        return list(dict.fromkeys(_ids(self.all(name))))


def _ids(texts: list[str]) -> Iterator[int]:
    return (int(each) for each in texts if is_id(each))


def is_id(text: str) -> bool:
    """Return whether a text is the id of something."""
    return text.isascii() and text.isdecimal() and 0 < int(text) < 1 << 63 if text else False


async def read(request: Request) -> Form:
    """Return the form in a request's body. Raises `Invalid` for one that is too large."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_BYTES:
            raise Invalid("The form is too large: shorten its texts.", TOO_LARGE)
    return _form(body.decode("utf-8", "replace"))


async def read_file(request: Request, name: str) -> bytes:
    """Return the file in a request's body. Raises `Invalid` for none, and for one too large."""
    _check_length(request)
    async with request.form(max_files=1, max_fields=1, max_part_size=MAX_FILE_BYTES) as form:
        sent = form.get(name)
        if isinstance(sent, UploadFile):
            content = await sent.read()
        else:  # a file that a page carries along, for nobody to choose it twice
            content = base64.b64decode(sent or "")
    if not content:
        raise Invalid("Choose a file first.")
    return content


async def read_with_file(request: Request, name: str) -> tuple[Form, bytes]:
    """Return a form and the file in it, which is empty where none was chosen. Raises `Invalid`."""
    _check_length(request)
    async with request.form(max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_BYTES) as whole:
        pairs = [(key, value) for key, value in whole.multi_items() if isinstance(value, str)]
        sent = whole.get(name)
        return Form(pairs), await sent.read() if isinstance(sent, UploadFile) else b""


def _check_length(request: Request) -> None:
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > MAX_FILE_BYTES:
        raise Invalid(f"Choose a file of at most {MAX_FILE_BYTES // 1024**2} MB.", TOO_LARGE)


def query(request: Request) -> Form:
    """Return what stands behind the question mark."""
    return _form(request.url.query)


def _form(text: str) -> Form:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Invalid("The form has too many fields.", TOO_LARGE) from None
    return Form(pairs)


def _clean(value: str) -> str:
    """Return a value as it is meant: browsers send each line's end as two characters."""
    return value.replace("\r\n", "\n").replace("\0", "").strip()
