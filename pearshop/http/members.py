"""Members that layers put into a request's scope for those further in."""

from starlette.types import Scope

UNTIL = "pearshop.until"
"""Of a call within a batch: when, by the event loop's clock, the batch has to be answered."""
REQUEST_ID = "pearshop.request_id"
"""The request's id. Of a call within a batch: set beforehand, from the batch's own."""
ROUTE = "pearshop.route"
"""The template of the path, once an endpoint was found for it."""
PROBES = frozenset({"/api/healthz/", "/api/readyz/"})
"""Paths by which machines ask for health: however busy the shop is, and without limit."""
PLACE = "pearshop.place"
"""The request's place among those that its replica works on: it has a `leave`."""


def leave_place(scope: Scope) -> None:
    """Take a request out of those that are worked on: from now on it mostly waits."""
    scope[PLACE].leave()
