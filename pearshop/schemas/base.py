"""What all wire models share."""

import functools
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field


class Request(BaseModel):
    """A request body. Members that it does not name are ignored, whatever they claim."""

    model_config = ConfigDict(extra="ignore", frozen=True, str_max_length=100_000)


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("must not contain NUL characters")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode text") from None
    return text


def _empty_is_none(value: Any) -> Any:
    return None if value == "" else value


Text = Annotated[str, AfterValidator(_storable)]
"""Text that PostgreSQL can store."""

NO_BOOL = BeforeValidator(_no_bool)
"""For whole numbers, last in the list: what stands behind it is missing from JSON schemas."""

EmptyIsNone = BeforeValidator(_empty_is_none)
"""An empty form field stands for "not given"."""

Identity = Annotated[int, Field(ge=1, le=(1 << 63) - 1), NO_BOOL]


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be within the years 1 to 9999 in UTC, too") from None


INSTANTS = 8_192
"""Times whose text is remembered: 1.5 MB."""
Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time, in UTC from then on: PostgreSQL does not know all the offsets that there can be."""


def written(value: datetime) -> str:
    """Return a UTC time as ISO 8601 with microseconds and `Z`."""
    return value.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


@functools.lru_cache(INSTANTS)
def instant(value: datetime) -> str:
    """Return what `written` does, remembered.

    Most times are those of products that many see, and Python takes longer to write one than
    orjson takes for the rest of the product.
    """
    return written(value)
