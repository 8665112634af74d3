"""What the nouns of the client share."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import parse_qs, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter

T = TypeVar("T")


class Model(BaseModel):
    """Something that the shop tells of. Members that are new to this client are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Someone(Model):
    """Who has or did something."""

    id: int
    username: str


class Caller(Protocol):
    """Sends calls in somebody's name."""

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        files: Mapping[str, bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> httpx.Response:
        """Return the answer. Raises what the shop refuses, and `Unavailable`."""

    async def stream(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        content: bytes | None = None,
    ) -> AsyncIterator[bytes]:
        """Return what there is at a path, or what becomes of `content` sent there, as it comes."""


class Noun:
    """Calls about one kind of thing."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller


@dataclass(frozen=True)
class Page(Generic[T]):
    """Part of a list. `next`: the cursor of what comes behind it; `None` at the end."""

    items: list[T]
    next: str | None = None


def page_of(answer: httpx.Response, items: TypeAdapter[list[T]]) -> Page[T]:
    """Return the page in an answer."""
    link = answer.links.get("next", {}).get("url", "")
    cursors = parse_qs(urlsplit(link).query).get("cursor")
    return Page(items.validate_json(answer.content), cursors[0] if cursors else None)


def wire(value: Any) -> Any:
    """Return a parameter as the shop reads it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    return value
