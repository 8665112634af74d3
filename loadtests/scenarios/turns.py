"""Two shops of different size, asked the same in turn over one connection each."""

import http.client
import itertools
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson

from loadtests.scenarios.result import Figure, Row

Ask = Callable[[], tuple[float, str]]
"""Sends one request; returns how long it took (ms), and what was wrong with the answer."""


class Caller:
    """One connection to a shop, for signed-in callers. Raises `OSError` when it breaks."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            address.hostname or "", address.port, timeout=30
        )
        self._keys = itertools.count()

    def close(self) -> None:
        """Close it; the next call opens it again."""
        self._connection.close()

    def call(self, token: str, method: str, path: str, wish: Any = None) -> tuple[int, Any, float]:
        """Return status, body and ms."""
        headers = {"Authorization": f"Bearer {token}"}
        if wish is not None:
            headers["Content-Type"] = "application/json"
            headers["Idempotency-Key"] = f"turn-{next(self._keys)}"
        body = None if wish is None else orjson.dumps(wish)
        began = time.perf_counter()
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        took = (time.perf_counter() - began) * 1e3
        return answer.status, orjson.loads(content) if content else None, took


@dataclass
class Place:
    """A shop of one size, what is asked there, and how long (ms) it took."""

    size: int
    caller: Caller
    asks: Mapping[str, Ask]
    took: dict[str, list[float]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def measure(self, kind: str, count: int) -> None:
        """Ask so often, one after the other."""
        for _ in range(count):
            ms, wrong = self.asks[kind]()
            self.took.setdefault(kind, []).append(ms)
            if wrong:
                self.problems.append(f"{kind}, {self.size:,}: {wrong}")


def in_turn(places: Sequence[Place], rounds: int, requests: int) -> None:
    """Ask the shops in turn for each kind, so many times in each round."""
    for place in places:
        place.caller.close()  # idle for long
    for turn in range(rounds + 1):
        for kind in places[0].asks:
            for place in places:
                place.measure(kind, requests)
        if turn == 0:  # that was to warm up
            for place in places:
                place.took.clear()


def row(
    what: str,
    sizes: tuple[int, int],
    took: tuple[Mapping[str, Sequence[float]], Mapping[str, Sequence[float]]],
    at_most: float,
) -> Row:
    """Return by how much the medians grew from the small shop to the large one. Pure."""
    figures: dict[str, Figure] = {}
    ratios = {}
    for kind in took[0]:
        small, large = (statistics.median(each[kind]) for each in took)
        ratios[kind] = large / small
        figures[f"{kind}: p50 ms at {sizes[0]:,}"] = round(small, 2)
        figures[f"{kind}: p50 ms at {sizes[1]:,}"] = round(large, 2)
        figures[f"{kind}: ratio"] = round(large / small, 3)
    worst = max(ratios, key=lambda kind: ratios[kind])
    return Row(
        f"cost as it grows: {sizes[0]:,} to {sizes[1]:,} {what}",
        f"p50 within {at_most:g} x",
        f"{ratios[worst]:.2f} x at most ({worst})",
        ratios[worst] <= at_most,
        figures,
    )
