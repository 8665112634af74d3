"""From an error answer to the typed error that the shop raised."""

from collections.abc import Mapping
from typing import Any

import httpx

from pearshop.errors import (
    Conflict,
    Forbidden,
    Invalid,
    KeyReused,
    NotFound,
    Overtaken,
    PearShopError,
    Refused,
    TooMany,
    Unauthenticated,
    Unavailable,
)

ERROR_OF: Mapping[int, type[Refused]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Overtaken,
    422: KeyReused,
    429: TooMany,
}
MEMBERS = {"detail", "code", "title", "status"}
"""What every problem has; the rest is about this one."""


def error_of(answer: httpx.Response) -> PearShopError:
    """Return the error that an answer of 400 or more stands for.

    Whatever is no refusal of the shop's own is `Unavailable`.
    """
    problem = _problem(answer)
    detail = str(problem.get("detail") or f"The shop answered {answer.status_code}.")
    if answer.status_code >= 500:
        unknown = answer.request.method != "GET" and not problem.get("safe_to_repeat", False)
        return Unavailable(detail, unknown, retry_after_of(answer) or 1)
    kind = ERROR_OF.get(answer.status_code, Refused)
    extra = {name: value for name, value in problem.items() if name not in MEMBERS}
    return kind(detail, str(problem.get("code", "refused")), extra)


def retry_after_of(answer: httpx.Response) -> int | None:
    """Return how many seconds the shop asks to wait, if it does so in whole seconds."""
    text = answer.headers.get("retry-after", "")
    return int(text) if text.isdecimal() else None


def is_safe_to_repeat(answer: httpx.Response) -> bool:
    """Return whether the shop says that it has done nothing, or that a repeat does no more."""
    return answer.status_code == 429 or _problem(answer).get("safe_to_repeat") is True


def fields_of(error: Refused) -> dict[str, str]:
    """Return what is wrong with each field that the error names."""
    told = error.extra | error.extra.get("fields", {})
    return {name: " ".join(map(str, said)) for name, said in told.items() if _is_words(said)}


def _is_words(said: Any) -> bool:
    return isinstance(said, list) and bool(said) and all(isinstance(each, str) for each in said)


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
