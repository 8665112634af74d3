"""Members that layers put into a request's scope for those further in."""

from starlette.types import Scope

UNTIL = "pearshop.until"
"""Of a call within a batch: when, by the event loop's clock, the batch has to be answered."""
PLACE = "pearshop.place"
"""The request's place among those that its replica works on: it has a `leave`."""


def leave_place(scope: Scope) -> None:
    """Take a request out of those that are worked on: from now on it mostly waits."""
    scope[PLACE].leave()
