"""How the shop is, on the wire."""

from typing import Literal

from pydantic import BaseModel, Field


class AliveOut(BaseModel):
    """A process that answers."""

    status: Literal["alive"]


class PartOut(BaseModel):
    """Something that the shop stands on. `detail` says what is wrong with it, if anything."""

    part: str = Field(examples=["database", "schema", "cart host 0"])
    ready: bool
    ms: float = Field(description="How long it took to find out.")
    detail: str


class ReadyOut(BaseModel):
    """A shop that may be sent requests."""

    status: Literal["ready"]
    parts: list[PartOut]
