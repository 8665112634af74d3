"""How long `pearshop up` takes: into an empty state folder, and into one that it knows."""

import re
import statistics
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from loadtests.scenarios.result import Figure, Options, Result, Row
from loadtests.shop import command
from pearshop.db.embedded_server import free_port
from pearshop.errors import ConfigurationError

MOST_S = 20.0
POLL_S = 0.05
PRODUCT = "/api/product/1/"
"""Of the demo catalogue."""

WORDS = {
    "told": "by its own word",
    "returned": "until `up --detach` returns",
    "answered": "until the first 200",
}


@dataclass
class Started:
    """A start, in seconds since the command: its own word, its end, the first answer."""

    told: float = 0.0
    returned: float = 0.0
    answered: float = 0.0
    first: bytes = field(default=b"", repr=False)


def measure(options: Options) -> Result:
    """Start and stop twice in a folder, some folders one after the other."""
    pairs = []
    for _ in range(options.pick(3, 1)):
        with tempfile.TemporaryDirectory() as folder:
            pairs.append((_start(Path(folder)), _start(Path(folder))))
    wrong = [pair for pair in pairs if not pair[0].first or pair[0].first != pair[1].first]
    problems = [f"{len(wrong)} second starts showed another product than the first"] * bool(wrong)
    return Result([row(pairs)], problems)


def row(pairs: list[tuple[Started, Started]]) -> Row:
    """Return the medians, and the worst second start. Pure."""
    figures: dict[str, Figure] = {"folders": len(pairs)}
    for name, starts in zip(("first start", "second start"), zip(*pairs, strict=True), strict=True):
        for what in ("told", "returned", "answered"):
            values = [getattr(each, what) for each in starts]
            figures[f"{name}, s, {WORDS[what]}"] = round(statistics.median(values), 2)
    seconds = [max(second.returned, second.answered) for _, second in pairs]
    figures["second start, s, the slowest"] = round(max(seconds), 2)
    return Row(
        "`pearshop up`, second start",
        "ready in 20 s",
        f"{statistics.median(seconds):.1f} s",
        max(seconds) < MOST_S,
        figures,
    )


def told_seconds(printed: str) -> float:
    """Return after how many seconds the command says that it was ready. Pure.

    Raises `ConfigurationError` when it does not say so.
    """
    found = re.search(r"is ready after (\d+(?:\.\d+)?) s", printed)
    if found is None:
        raise ConfigurationError(f"The shop did not start: {printed.strip()[-300:]}")
    return float(found[1])


def _start(state: Path) -> Started:
    """Start a shop in a folder and stop it. Raises `ConfigurationError` when it does not start."""
    port = free_port()
    began = time.monotonic()
    started = Started()
    ended = threading.Event()
    url = f"http://127.0.0.1:{port}{PRODUCT}"
    polling = threading.Thread(target=_poll, args=(url, began, started, ended))
    polling.start()
    try:
        said = command(["up", "--detach", f"--port={port}"], state)
        started.returned = time.monotonic() - began
        started.told = told_seconds(said)
        polling.join(30)
    finally:
        ended.set()
        polling.join()
        command(["down"], state)
    if not started.answered:
        raise ConfigurationError("The shop said that it is ready, and did not answer in 30 s.")
    return started


def _poll(url: str, began: float, started: Started, ended: threading.Event) -> None:
    """Ask until there is a good answer."""
    with httpx.Client(timeout=2) as client:
        while not ended.wait(POLL_S):
            try:
                answer = client.get(url)
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                started.answered = time.monotonic() - began
                started.first = answer.content
                return
