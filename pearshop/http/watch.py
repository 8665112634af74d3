"""What is told of each request: it is counted, and where wanted logged and traced."""

import time
from collections import Counter
from collections.abc import Callable
from contextvars import Token
from typing import TYPE_CHECKING

from starlette.types import Scope

from pearshop.http.members import REQUEST_ID, ROUTE
from pearshop.telemetry.counting import Distribution
from pearshop.telemetry.logs import LINES_OF_REQUESTS
from pearshop.telemetry.metrics import CLIENT_GONE, OTHER_METHOD, REQUEST_SECONDS, UNKNOWN_ROUTE
from pearshop.telemetry.origins import ORIGINS, Origin, request_id_of
from pearshop.telemetry.traces import TRACES, traceparent

if TYPE_CHECKING:
    from opentelemetry.trace import Span

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Seen:
    """A request that has begun. `made_id`: its client had not sent one that will do."""

    __slots__ = ("began", "made_id", "request_id", "span", "token")

    def __init__(self, request_id: str, made_id: bool, span: "Span | None") -> None:
        self.request_id = request_id
        self.made_id = made_id
        self.span = span
        parent = traceparent(span) if span is not None else ""
        self.token: Token[tuple[Origin, ...]] = ORIGINS.set(((request_id, parent),))
        self.began = time.perf_counter()


class Watch:
    """Looks at the requests of one replica. `route_of` finds the template of a path, if any."""

    def __init__(self, route_of: Callable[[Scope], str | None]) -> None:
        self._route_of = route_of
        self.counts: Counter[tuple[str, str, int]] = Counter()
        """Requests by route, method and status."""
        self.seconds = Distribution(REQUEST_SECONDS)

    def begin(self, scope: Scope) -> Seen:
        """Take note of a request that has come."""
        request_id, made = scope.get(REQUEST_ID), False
        if request_id is None:
            sent = _header(scope, b"x-request-id")
            request_id = scope[REQUEST_ID] = request_id_of(sent)
            made = sent != request_id.encode()
        span = None
        if TRACES.are_told:
            parent = _header(scope, b"traceparent") or b""
            outer = [parent for _, parent in ORIGINS.get()] or [parent.decode("latin-1")]
            span = TRACES.begin(scope["method"], outer, serves=True)
        return Seen(request_id, made, span)

    def end(self, scope: Scope, seen: Seen, status: int, began: float) -> None:
        """Take note of its answer, which `began` then; a status of 0: the client has left."""
        ORIGINS.reset(seen.token)
        status = status or CLIENT_GONE
        seconds = (began or time.perf_counter()) - seen.began
        route = scope.get(ROUTE) or self._route_of(scope) or UNKNOWN_ROUTE
        method = scope["method"]
        if method not in METHODS:
            method = OTHER_METHOD
        self.counts[route, method, status] += 1
        self.seconds.add(seconds, route)
        LINES_OF_REQUESTS.request(seen.request_id, route, method, status, seconds)
        if seen.span is not None:
            seen.span.update_name(f"{method} {route}")
            told = {
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "pearshop.request_id": seen.request_id,
            }
            TRACES.finish(seen.span, told, failed=str(status) if status >= 500 else "")


def _header(scope: Scope, sought: bytes) -> bytes | None:
    for name, value in scope["headers"]:
        if name == sought:
            found: bytes = value
            return found
    return None
