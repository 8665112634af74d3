"""What a request to the shop may cost, stated once: no clock disturbs these. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.bench.result import SHOP, Count

CONNECTIONS = 1
SLACK = 0.1
"""Above a stated number: something that the cache renews by the clock, now and then."""


@dataclass(frozen=True, slots=True)
class Stated:
    """The most for each request over one connection. `calls`: those that cart hosts receive."""

    statements: float
    commits: float
    calls: float


STATED = {
    "product": Stated(0, 0, 0),
    "page": Stated(0, 0, 0),
    "search": Stated(0, 0, 0),
    "cart": Stated(0, 0, 1),
    "add": Stated(1, 1, 1),
    "order": Stated(6, 1, 1),
}


def too_many(counts: Sequence[Count]) -> list[str]:
    """Return, in words, which counts of the shop are above what is stated."""
    found = []
    for each in counts:
        stated = STATED.get(each.route)
        if each.subject != SHOP or each.connections != CONNECTIONS or stated is None:
            continue
        for what in ("statements", "commits", "calls"):
            counted, most = getattr(each, what), getattr(stated, what)
            if counted is not None and counted > most + SLACK:
                found.append(
                    f"{each.route}: {counted:.2f} {what} for each request, at most {most:g} stated"
                )
    return found
