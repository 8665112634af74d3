"""One tree of typed errors, without HTTP.

`Refused` is a caller's to mend and carries a stable `code`; `Unavailable` is ours and passes.
Anything else that is raised is a defect.
"""

from dataclasses import dataclass, field
from typing import Any


class PearShopError(Exception):
    """Root of all errors that PearShop raises on purpose."""


@dataclass(eq=True)
class Refused(PearShopError):
    """A request that cannot be done as it stands; nothing was changed.

    `detail` is one sentence for a person that says what to do. `extra` holds further members of
    the answer, JSON types only.
    """

    detail: str
    code: str = "refused"
    extra: dict[str, Any] = field(default_factory=dict)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.detail, self.code, self.extra)

    def __str__(self) -> str:
        return self.detail


class Invalid(Refused):
    """A value that breaks a rule; `extra` names the fields."""

    @classmethod
    def of(cls, name: str, problem: str, code: str = "invalid") -> "Invalid":
        """Return the error for one field."""
        return cls(f"{name}: {problem}", code, {name: [problem]})


class NotFound(Refused):
    """The thing is not there, or it is someone else's."""


class Conflict(Refused):
    """The request was right once, but the state has moved on."""


class Overtaken(Refused):
    """The thing is no longer what the caller has seen."""


class KeyReused(Refused):
    """An idempotency key came again with another body."""


class Unauthenticated(Refused):
    """No token, or one that is expired, revoked or forged."""


class Forbidden(Refused):
    """Signed in, but not allowed."""


class TooMany(Refused):
    """More than is allowed in a time; nothing was done. `extra` has `retry_after` (s)."""


@dataclass
class Unavailable(PearShopError):
    """A component does not answer in time, or the shop carries all the load that it can.

    `unknown` tells that the command may have been carried out all the same.
    """

    detail: str
    unknown: bool = False
    retry_after: int = 1

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.detail, self.unknown, self.retry_after)

    def __str__(self) -> str:
        return self.detail


class ConfigurationError(PearShopError):
    """The operator's settings or files do not fit; the message says what to do."""
