"""Product files: CSV or JSON lines, gzipped or not, told apart by what is in them."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from pearshop.catalogue.rows import COLUMNS, OPTIONAL, REQUIRED, Refusal
from pearshop.errors import ConfigurationError

GZIP_MAGIC = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
SAVE_AS = "save it as UTF-8 text, CSV with a header or one JSON object a line"


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as the file has it, or why it cannot be read. `line` is where it starts."""

    line: int
    values: dict[str, str] | Refusal


@dataclass(frozen=True, slots=True)
class ProductFile:
    """An open product file. `done()` tells how many of its `size` bytes have been read."""

    rows: Iterator[RawRow]
    size: int
    done: Callable[[], int]


@contextmanager
def open_products(path: Path) -> Iterator[ProductFile]:
    """Open a product file for reading, row by row.

    Raises `ConfigurationError` when there is no such file; reading the rows raises it when the
    file is empty, damaged or not UTF-8, or its columns are not those of products.
    """
    try:
        raw = path.open("rb")
    except FileNotFoundError:
        raise ConfigurationError(f"There is no file {path}: check its name.") from None
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from None
    with raw:
        yield ProductFile(_readable(str(path), raw), path.stat().st_size, raw.tell)


def read_products(name: str, content: bytes) -> list[RawRow]:
    """Return the rows of a file that came whole, and not packed, for a packed one may be endless.

    Raises `ConfigurationError` as above.
    """
    return list(_rows(name, io.BytesIO(content)))


def _readable(name: str, raw: BinaryIO) -> Iterator[RawRow]:
    try:
        yield from _rows(name, _unpacked(raw))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ConfigurationError(
            f"{name} is damaged ({error}): copy it again. Rows before the damage may be stored."
        ) from None


def _unpacked(raw: BinaryIO) -> BinaryIO:
    magic = raw.read(len(GZIP_MAGIC))
    raw.seek(0)
    return cast("BinaryIO", gzip.open(raw)) if magic == GZIP_MAGIC else raw


def _rows(name: str, stream: BinaryIO) -> Iterator[RawRow]:
    first = stream.readline().removeprefix(BOM)
    number = 1
    while first and not first.strip():
        first = stream.readline()
        number += 1
    if not first:
        raise ConfigurationError(f"{name} is empty: {SAVE_AS}.")
    if first.lstrip().startswith(b"["):
        raise ConfigurationError(f"{name} is one JSON array: {SAVE_AS}.")
    lines = _Lines(first, number, stream)
    if first.lstrip().startswith(b"{"):
        return _json_rows(lines)
    return _csv_rows(name, lines)


class _Lines:
    """The lines of a file as text, counted. Raises `UnicodeDecodeError` and can go on."""

    def __init__(self, first: bytes, number: int, stream: BinaryIO) -> None:
        self._first: bytes | None = first
        self._stream = stream
        self.number = number - 1

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._first if self._first is not None else self._stream.readline()
        self._first = None
        if not line:
            raise StopIteration
        self.number += 1
        return line.decode("utf-8")


def _csv_rows(name: str, lines: _Lines) -> Iterator[RawRow]:
    reader: Iterator[list[str]] = csv.reader(lines, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader)]
    except (UnicodeDecodeError, csv.Error):
        raise ConfigurationError(f"{name} is no text that can be read: {SAVE_AS}.") from None
    _check_header(name, header)
    return _after_header(reader, lines, header)


def _check_header(name: str, header: list[str]) -> None:
    unknown = [each for each in header if each not in COLUMNS]
    missing = [each for each in REQUIRED if each not in header]
    if unknown or len(set(header)) < len(header):
        shown = (unknown or header)[0][:40]
        problem = f"unknown column {shown!r}" if unknown else "a column twice"
    elif missing:
        problem = f"no column {missing[0]}"
    else:
        return
    raise ConfigurationError(
        f"{name} has {problem}: its first line must name, parted by commas, "
        f"{' and '.join(REQUIRED)} and may name {', '.join(OPTIONAL)}."
    )


def _after_header(
    reader: Iterator[list[str]], lines: _Lines, header: list[str]
) -> Iterator[RawRow]:
    while True:
        start = lines.number + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except (UnicodeDecodeError, csv.Error) as error:
            yield RawRow(start, _unreadable(error))
            continue
        if len(fields) == len(header):
            yield RawRow(start, dict(zip(header, fields, strict=True)))
        elif fields:
            yield RawRow(start, _miscounted(len(fields), len(header)))


def _miscounted(found: int, wanted: int) -> Refusal:
    return Refusal(
        f"{found} columns where the header has {wanted}: put a field with commas in quotes.",
        "columns",
    )


def _unreadable(error: Exception) -> Refusal:
    if isinstance(error, UnicodeDecodeError):
        return Refusal("the row is not UTF-8: save the file as UTF-8.", "not_utf8")
    return Refusal(f"the row is no good CSV ({error}): check its quotes.", "columns")


def _json_rows(lines: _Lines) -> Iterator[RawRow]:
    while True:
        try:
            text = next(lines)
        except StopIteration:
            return
        except UnicodeDecodeError as error:
            yield RawRow(lines.number, _unreadable(error))
            continue
        if text.strip():
            yield RawRow(lines.number, _json_values(text))


def _json_values(text: str) -> dict[str, str] | Refusal:
    # Numbers stay the text that they are, so that no price passes through a float.
    try:
        found = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return Refusal("the line is no JSON: give one whole object a line.", "json")
    if not isinstance(found, dict):
        return Refusal("the line is no JSON object.", "json")
    values: dict[str, str] = {}
    for name, value in found.items():
        if value is None:
            value = ""  # noqa: PLW2901 - null and an empty CSV field say the same
        if not isinstance(value, str):
            return Refusal(f"{name[:40]} must be text, a number or null.", "json")
        values[name] = value
    return values
