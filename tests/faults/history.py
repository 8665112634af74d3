"""The record of a load: every operation, each attempt at it, and what it was answered.

Times are seconds of the monotonic clock.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from loadtests.book import Acknowledged
from loadtests.reconcile import Baseline

SLOW_S = 8.0
"""An attempt that takes longer hangs; the shop promises an answer within 5 s."""
REFUSALS = frozenset({"line_unknown", "out_of_stock", "product_twice", "username_taken"})
"""Codes of the refusals that a load may meet in a shop without faults."""


class Line(NamedTuple):
    """A line of a cart, as answered or as stored."""

    id: int
    product_id: int
    quantity: int

    def __str__(self) -> str:
        return f"line {self.id} with {self.quantity} of product {self.product_id}"


@dataclass(frozen=True, slots=True)
class Add:
    """Put a product into the cart, or more of it."""

    product_id: int
    quantity: int

    def __str__(self) -> str:
        return f"add {self.quantity} of product {self.product_id}"


@dataclass(frozen=True, slots=True)
class Change:
    """Set a line's quantity, and its product unless that is `None`."""

    line_id: int
    quantity: int
    product_id: int | None = None

    def __str__(self) -> str:
        product = "" if self.product_id is None else f" of product {self.product_id}"
        return f"change line {self.line_id} to {self.quantity}{product}"


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a line out of the cart."""

    line_id: int

    def __str__(self) -> str:
        return f"remove line {self.line_id}"


@dataclass(frozen=True, slots=True)
class Read:
    """List the cart."""

    def __str__(self) -> str:
        return "read the cart"


@dataclass(frozen=True, slots=True)
class Order:
    """Order lines of the cart."""

    line_ids: tuple[int, ...]
    address: str

    def __str__(self) -> str:
        return f"order lines {', '.join(map(str, self.line_ids))}"


@dataclass(frozen=True, slots=True)
class SignIn:
    """Register, sign in, or renew the access token: a POST to `path`."""

    path: str

    def __str__(self) -> str:
        return self.path


CartCommand = Add | Change | Remove
Request = CartCommand | Read | Order | SignIn
Answer = Line | tuple[Line, ...] | Acknowledged | None
"""A line for `Add` and `Change`, the cart for `Read`, the order for `Order`, else `None`."""


class Outcome(Enum):
    """What the shopper knows of an operation in the end."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    """Answered 4xx: nothing was changed."""
    FAILED = "failed"
    """Given up, and certainly not carried out: a read, or no attempt reached the shop."""
    UNKNOWN = "unknown"
    """Given up, or still under way; it may have been carried out."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP request. `status` is `None` when no answer came, and `error` then says why."""

    began: float
    seconds: float
    status: int | None = None
    code: str = ""
    error: str = ""
    retry_after: float | None = None
    safe_to_repeat: bool | None = None
    reached: bool = True
    """Whether the request may have left this process."""

    @property
    def answered(self) -> bool:
        """Whether the operation has its answer, good or bad."""
        return self.status is not None and not self.error and self.status // 100 in {2, 4}

    def improper(self, slow_s: float = SLOW_S) -> str:
        """Return what a client could not have coped with; empty when it could."""
        if self.seconds > slow_s:
            return f"took {self.seconds:.1f} s"
        if self.status is None:
            return ""
        if self.error:
            return f"{self.status}, {self.error}"
        if self.status == 503:
            advised = self.retry_after is not None and self.safe_to_repeat is not None
            return "" if advised else "503 without Retry-After or safe_to_repeat"
        fine = self.status // 100 == 2 or self.status == 401 or self.code in REFUSALS
        return "" if fine else f"{self.status} {self.code}".strip()


@dataclass(slots=True)
class Operation:
    """One request of a shopper's device, from its first attempt to its answer.

    `key` is its `Idempotency-Key`; all attempts carry it. `ended` stays `None` without an answer.
    """

    shopper: str
    device: int
    key: str
    request: Request
    began: float
    attempts: list[Attempt] = field(default_factory=list)
    ended: float | None = None
    outcome: Outcome = Outcome.UNKNOWN
    answer: Answer = None
    code: str = ""

    def acknowledge(self, answer: Answer, now: float) -> None:
        """Note that the shop said "done"."""
        self.outcome, self.answer, self.ended = Outcome.ACKNOWLEDGED, answer, now

    def refuse(self, code: str, now: float) -> None:
        """Note that the shop refused."""
        self.outcome, self.code, self.ended = Outcome.REFUSED, code, now

    def give_up(self, now: float) -> None:
        """Note that no answer came in time."""
        harmless = isinstance(self.request, Read | SignIn)
        if harmless or not any(attempt.reached for attempt in self.attempts):
            self.outcome, self.ended = Outcome.FAILED, now

    @property
    def interval(self) -> tuple[float, float]:
        """When it may have taken effect. Reads and refusals are the last attempt's alone."""
        alone = isinstance(self.request, Read) or self.outcome is Outcome.REFUSED
        start = self.attempts[-1].began if alone and self.attempts else self.began
        return start, math.inf if self.ended is None else self.ended

    @property
    def recovery_s(self) -> float:
        """Seconds from the first attempt to the answer, or until it was given up."""
        last = max((attempt.began + attempt.seconds for attempt in self.attempts), default=0.0)
        return max(0.0, last - self.began)

    @property
    def retries(self) -> int:
        """Attempts that followed one without an answer."""
        return sum(not attempt.answered for attempt in self.attempts[:-1])

    def __str__(self) -> str:
        end = "…" if self.ended is None else f"{self.ended:.3f}"
        said = {
            Outcome.ACKNOWLEDGED: _said(self.answer),
            Outcome.REFUSED: f"refused, {self.code}",
        }.get(self.outcome, self.outcome.value)
        return f"{self.request} [{self.key}, {self.began:.3f} to {end} s]: {said}"


@dataclass(frozen=True, slots=True)
class Counts:
    """A load in figures. Sign-ins are not counted."""

    requests: int
    """HTTP requests, retries included."""
    acknowledged: int
    failed_cleanly: int
    """Requests without an answer that said so as they should: 503 with advice, or no connection."""
    retried: int
    """Requests that repeated one without an answer."""
    recovery_s: float
    """The longest that an operation waited for its answer, over all its attempts."""
    gap_s: float
    """The longest time in which nobody was acknowledged anything."""


@dataclass
class History:
    """All operations of a load, in the order in which they began, and the shop before it."""

    before: Baseline
    operations: list[Operation] = field(default_factory=list)

    def shoppers(self) -> list[str]:
        """Return the names of all who did anything."""
        return sorted({operation.shopper for operation in self.operations})

    def counts(self, slow_s: float = SLOW_S) -> Counts:
        """Return the figures for the table."""
        counted = [each for each in self.operations if not isinstance(each.request, SignIn)]
        attempts = [attempt for each in counted for attempt in each.attempts]
        return Counts(
            requests=len(attempts),
            acknowledged=sum(each.outcome is Outcome.ACKNOWLEDGED for each in counted),
            failed_cleanly=sum(not a.answered and not a.improper(slow_s) for a in attempts),
            retried=sum(each.retries for each in counted),
            recovery_s=max((each.recovery_s for each in counted), default=0.0),
            gap_s=_longest_gap(counted),
        )

    def improper(self, slow_s: float = SLOW_S) -> list[str]:
        """Return one sentence for each answer that no client should have to cope with."""
        return [
            f"{operation.request} [{operation.key}]: attempt {number} {problem}"
            for operation in self.operations
            for number, problem in _problems(operation, slow_s)
        ]


def cart_in_words(lines: Sequence[Line]) -> str:
    """Return what a cart holds, for a sentence."""
    return "; ".join(map(str, lines)) or "empty"


def _said(answer: Answer) -> str:
    match answer:
        case None:
            return "done"
        case Acknowledged():
            return f"order {answer.order_id}"
        case Line():
            return str(answer)
        case _:
            return cart_in_words(answer)


def _problems(operation: Operation, slow_s: float) -> Iterator[tuple[int, str]]:
    for number, attempt in enumerate(operation.attempts, 1):
        if problem := attempt.improper(slow_s):
            yield number, problem
        elif attempt.status == 401 and number == len(operation.attempts):
            yield number, f"401 {attempt.code}"


def _longest_gap(operations: Sequence[Operation]) -> float:
    times = sorted(
        each.ended
        for each in operations
        if each.outcome is Outcome.ACKNOWLEDGED and each.ended is not None
    )
    return max((later - earlier for earlier, later in pairwise(times)), default=0.0)
