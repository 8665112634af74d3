"""How an order moves on once it is placed. Pure."""

from collections.abc import Mapping
from enum import StrEnum

from pearshop.errors import Conflict


class Status(StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"


NEXT: Mapping[Status, tuple[Status, ...]] = {
    Status.PLACED: (Status.PACKED, Status.CANCELLED),
    Status.PACKED: (Status.SHIPPED, Status.CANCELLED),
    Status.SHIPPED: (Status.DELIVERED,),
    Status.DELIVERED: (),
    Status.CANCELLED: (),
}
"""What may follow each: what is under way comes back only as a delivery of its own."""


def move(status: Status, wanted: Status, *, by_staff: bool = True) -> bool:
    """Decide whether an order moves on; `False`: it is there already, and nothing is to be done.

    Its owner may cancel it while it is only placed. Raises `Conflict`, which names what is
    possible.
    """
    if status == wanted:
        return False
    possible = NEXT[status]
    if not by_staff:
        possible = (Status.CANCELLED,) if status == Status.PLACED else ()
    if wanted not in possible:
        raise _refusal(status, wanted, possible)
    return True


def _refusal(status: Status, wanted: Status, possible: tuple[Status, ...]) -> Conflict:
    choice = f"it may become {' or '.join(possible)}" if possible else "that is where it ends"
    if wanted == Status.CANCELLED and not possible and status == Status.PACKED:
        choice = "ask the shop to cancel it"
    return Conflict(
        f"The order is {status} and cannot become {wanted}: {choice}.",
        "order_status",
        {"order_status": status, "possible": list(possible)},
    )
