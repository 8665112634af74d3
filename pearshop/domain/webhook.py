"""Webhooks: what there is to be told of, and how a telling may stand. Pure."""

from enum import StrEnum
from typing import Literal, get_args

Topic = Literal[
    "order.placed", "order.packed", "order.shipped", "order.delivered", "order.cancelled"
]
"""What subscribers may be told of."""
TOPICS: tuple[Topic, ...] = get_args(Topic)
PING = "ping"
"""The topic of a test, which goes to the one subscriber that it was asked for."""
MAX_URL = 2_000
MAX_WEBHOOKS = 32
"""Each has a delivery of its own under way at most: so this bounds them all together."""


class State(StrEnum):
    """How the delivery of an event to a subscriber stands."""

    PENDING = "pending"
    """It will be tried, for the first time or again."""
    DELIVERED = "delivered"
    FAILED = "failed"
    """It was tried as often as is tried, and is given up unless somebody asks for it."""
