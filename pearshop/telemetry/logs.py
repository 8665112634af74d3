"""Log lines: JSON, one to a line, without secrets and personal data.

What is told of a request is its id, route (the template, not the address), status and time.
"""

import json
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from pearshop.errors import Unavailable
from pearshop.telemetry.origins import Origin

SERVE = "ray.serve"
SLOW_S = 1.0
"""From here on a request or a piece of work is told of, however it ended."""
LINES = 20
"""Lines in a second at most, unless all are wanted: an overload must not drown in its own log."""
IDS = 64
"""Requests that are named in one line."""
SERVES_OWN = "skip_context_filter"
"""Keeps Ray Serve from putting its own request id and route over those that a line has."""
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", SERVES_OWN}
logger = logging.getLogger("pearshop")


class JsonLines(logging.Formatter):
    """Writes records as Ray Serve writes those of its replicas, with `replica` for whose they are.

    Cart hosts are no replicas of Serve's, which has its own way to do this.
    """

    def __init__(self, replica: str) -> None:
        super().__init__()
        self._replica = replica

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        told: dict[str, Any] = {
            "asctime": self.formatTime(record),
            "levelname": record.levelname,
            "message": record.getMessage(),
            "filename": record.filename,
            "lineno": record.lineno,
            "process": record.process,
            "replica": self._replica,
        }
        told |= {name: value for name, value in vars(record).items() if name not in STANDARD}
        if record.exc_info:
            told["exc_text"] = self.formatException(record.exc_info)
        return json.dumps(told, default=str)


def write_to_serves_log() -> None:
    """Have this package's lines written to the replica's log file.

    Serve takes a replica's standard error for lines of no importance and drops them.
    """
    logger.parent = logging.getLogger(SERVE)
    logger.setLevel(logging.INFO)


def write_to_stderr(replica: str) -> None:
    """Have this package's lines written as JSON to standard error, which Ray keeps in a file."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(replica))
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(logging.INFO)


class Lines:
    """What one process logs of requests: those that failed or took long, or all."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.all = False
        self.replica = ""
        """Whose lines these are."""
        self._clock = clock
        self._since = 0.0
        self._written = 0
        self._left_out = 0

    def members(self, **told: Any) -> dict[str, Any]:
        """Return what a line about requests has beside its message, as logging's `extra`."""
        return {**told, "replica": self.replica, SERVES_OWN: True}

    def request(
        self, request_id: str, route: str, method: str, status: int, seconds: float
    ) -> None:
        """Tell of a request."""
        failed = status >= 500
        if failed or seconds >= SLOW_S or self.all:
            told = {
                "request_id": request_id,
                "route": route,
                "method": method,
                "status": status,
                "duration_ms": round(seconds * 1000, 1),
            }
            self._write("request", told, failed or seconds >= SLOW_S)

    def work(
        self, name: str, origins: Sequence[Origin], seconds: float, failure: Unavailable | None
    ) -> None:
        """Tell of work that was done for requests, or for none."""
        odd = failure is not None or seconds >= SLOW_S
        if odd or (self.all and origins):
            told: dict[str, Any] = {
                "work": name,
                "request_ids": [request_id for request_id, _ in origins[:IDS]],
                "requests": len(origins),
                "duration_ms": round(seconds * 1000, 1),
            }
            if failure is not None:
                told["failure"] = failure.detail
            self._write("work", told, odd)

    def _write(self, message: str, told: dict[str, Any], odd: bool) -> None:
        if not self.all and not self._has_room():
            self._left_out += 1
            return
        if self._left_out:
            told["left_out"] = self._left_out
            self._left_out = 0
        level = logging.WARNING if odd else logging.INFO
        logger.log(level, message, extra=self.members(**told))

    def _has_room(self) -> bool:
        now = self._clock()
        if now - self._since >= 1.0:
            self._since, self._written = now, 0
        self._written += 1
        return self._written <= LINES


LINES_OF_REQUESTS = Lines()
