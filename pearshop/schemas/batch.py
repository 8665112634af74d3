"""Several calls in one request."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pearshop.schemas.base import Request, Text

MAX_CALLS = 20
HeaderName = Literal["Idempotency-Key", "If-Match", "If-None-Match"]


class BatchCall(BaseModel):
    """A request as it would be sent alone, but for the token, which is the batch's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path: Annotated[
        str,
        Field(
            max_length=4_000,
            pattern=r"^/api/[!\"$-~]*$",
            description="Path and query, percent-encoded.",
            examples=["/api/product/?limit=20"],
        ),
    ]
    headers: dict[HeaderName, Annotated[Text, Field(max_length=1_000, pattern=r"^[ -~]*$")]] = {}
    body: Annotated[dict[str, Any] | None, Field(description="Sent as JSON.")] = None


class BatchIn(Request):
    """Calls that are carried out one after the other."""

    calls: Annotated[list[BatchCall], Field(min_length=1, max_length=MAX_CALLS)]


class BatchAnswer(BaseModel):
    """What a call was answered."""

    status: int
    headers: dict[str, str]
    body: Any


class BatchOut(BaseModel):
    """An answer for each call, in their order."""

    answers: list[BatchAnswer]
