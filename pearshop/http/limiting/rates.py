"""A limit and how clients are told of it.

The headers are those of the IETF's draft-ietf-httpapi-ratelimit-headers: structured fields of the
limit's name with its quota `q` in a window of `w` seconds, and what remains, `r`, for `t` seconds.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from limits import parse

from pearshop.errors import TooMany


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in a window of so many seconds."""

    name: str
    amount: int
    seconds: int
    policy: bytes = field(init=False)
    """The value of `RateLimit-Policy`."""

    def __post_init__(self) -> None:
        policy = f'"{self.name}";q={self.amount};w={self.seconds}'
        object.__setattr__(self, "policy", policy.encode())

    @classmethod
    def of(cls, name: str, text: str) -> "Rate":
        """Return a rate that a setting tells, `30/minute` for one."""
        item = parse(text)
        return cls(name, item.amount, item.get_expiry())


class Standing(NamedTuple):
    """How a client stands after a request: what it has left, -1 when that was too much."""

    rate: Rate
    left: int
    seconds: int
    """Until the window ends."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that tell it."""
        rest = b'"%s";r=%d;t=%d' % (self.rate.name.encode(), max(0, self.left), self.seconds)
        return [(b"ratelimit-policy", self.rate.policy), (b"ratelimit", rest)]


def too_many(seconds: int) -> TooMany:
    """Return the refusal of a request that may be sent again in so many seconds."""
    return TooMany(
        f"Too many requests: wait {seconds} s, then send it again. Nothing was done.",
        "too_many_requests",
        {"retry_after": seconds},
    )
