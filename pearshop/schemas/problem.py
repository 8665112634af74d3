"""Errors on the wire: `detail` for people, `code` for programs, RFC 9457 beside them."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Problem(BaseModel):
    """An error. A validation error also names each field, with a list of what is wrong."""

    model_config = ConfigDict(extra="allow")

    detail: str
    code: str
    title: str
    status: int


def render_problem(
    status: int, title: str, detail: str, code: str, extra: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the members of an error, see `Problem`.

    What is told of a field that is called like one of them stands under `fields`.
    """
    own = {"detail": detail, "code": code, "title": title, "status": status}
    told = dict(extra or {})
    same = {name: told.pop(name) for name in own if name in told}
    return own | told | ({"fields": same} if same else {})
