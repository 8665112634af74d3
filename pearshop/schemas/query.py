"""What may stand behind the question mark of a list's or a thing's address."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pearshop.schemas.base import NO_BOOL, Text

DEFAULT_LIMIT = 100
MAX_LIMIT = 500
MAX_OFFSET = 1_000_000


class Query(BaseModel):
    """What may stand there."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Sparse(Query):
    """Which members of the answer are wanted."""

    fields: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=1_000,
            description="Members to answer with, by comma; dots lead inside.",
            examples=["id"],
        ),
    ] = None


Limit = Annotated[
    Annotated[int, Field(ge=1, le=MAX_LIMIT), NO_BOOL] | None,
    Field(description=f"Things on a page; {DEFAULT_LIMIT} unless told."),
]


class Cursored(Sparse):
    """Which page of a list is wanted."""

    limit: Limit = None
    cursor: Annotated[
        Annotated[Text, Field(max_length=1_000)] | None,
        Field(description="From the `Link` header of the page before."),
    ] = None


class Paged(Cursored):
    """Which page of a list is wanted; it can be counted instead."""

    offset: Annotated[
        Annotated[int, Field(ge=0, le=MAX_OFFSET), NO_BOOL] | None,
        Field(
            description="Things to skip, instead of a cursor; brings `X-Total-Count`, and costs "
            "more the further it goes."
        ),
    ] = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.cursor is not None and self.offset is not None:
            raise ValueError("cursor and offset exclude each other: send one of them")
        return self
