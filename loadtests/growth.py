"""Does the catalogue slow down as it grows? `uv run python -m loadtests.growth`.

Starts two shops, one with 1,000 products and one with 200,000, without caches, and asks the two
in turn over one connection. Prints a Markdown table of medians. Exits with 1 when an answer is not
what was asked for, or a median grew by `--at-most`.
"""

import argparse
import http.client
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

import orjson

from loadtests.many_products import CATEGORIES, fill, names
from loadtests.shop import engine_of, own_shop

SIZES = (1_000, 200_000)
PAGE, DEEP = 20, 500
NO_CACHES = {
    "PEARSHOP_CATALOGUE_MEMORY_SECONDS": "0",
    "PEARSHOP_CATALOGUE_STALE_SECONDS": "0",
    "PEARSHOP_CATALOGUE_SHARED_SECONDS": "0.001",
}
Ask = Callable[[], str]


@dataclass
class Subject:
    """A shop of one size, and how long (ms) each kind of request took there."""

    size: int
    connection: http.client.HTTPConnection
    names: list[str]
    chance: random.Random
    deep: str = ""
    took: dict[str, list[float]] = field(default_factory=dict)
    wrong: int = 0

    def get(self, path: str) -> list[dict[str, object]]:
        """Return what the shop lists there."""
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        content = orjson.loads(answer.read())
        self.wrong += answer.status != http.HTTPStatus.OK
        self._link = answer.headers.get("link", "")
        return content if isinstance(content, list) else []

    def walk_to(self, page: int) -> None:
        """Go from page to page, two products each, to the address of that page."""
        path = "/api/product/?limit=2"
        for _ in range(page - 1):
            self.get(path)
            path = self._link.partition("<")[2].partition(">")[0]
        self.deep = path

    def kinds(self) -> dict[str, Ask]:
        """Return what makes the address of one request of each kind."""
        base = f"/api/product/?limit={PAGE}"
        pick = self.chance
        return {
            "first page of 20": lambda: base,
            "page 500, of 2": lambda: self.deep,
            "search for two words of a name": lambda: f"{base}&search={quote(self._words(2))}",
            "search as it is typed": lambda: f"{base}&search={quote(self._words(2)[:-2])}",
            "search with a slip": lambda: f"{base}&search={quote(self._slip())}",
            "search, cheapest first": lambda: (
                f"{base}&search={quote(self._words(2))}&ordering=price"
            ),
            "category, cheapest first": lambda: (
                f"{base}&category=category%20{pick.randrange(CATEGORIES)}&ordering=price"
            ),
            "in stock, from a price to another": lambda: (
                f"{base}&in_stock=true&min_price={(low := pick.randrange(50, 4_000))}"
                f"&max_price={low + 500}"
            ),
        }

    def measure(self, kind: str, ask: Ask, count: int) -> None:
        """Ask so often, one after the other."""
        for _ in range(count):
            path = ask()
            began = time.perf_counter()
            found = self.get(path)
            self.took.setdefault(kind, []).append((time.perf_counter() - began) * 1e3)
            self.wrong += not found and "category" not in kind

    def _slip(self) -> str:
        word = self.chance.choice(self.chance.choice(self.names).split())
        at = self.chance.randrange(1, len(word) - 1)
        return word[:at] + word[at + 1 :]

    def _words(self, count: int) -> str:
        return " ".join(self.chance.sample(self.chance.choice(self.names).split(), count))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=150, help="of each kind in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-most", type=float, default=1.5, help="how much a median may grow")
    options = parser.parse_args()
    with ExitStack() as stack:
        subjects = [stack.enter_context(subject_of(size)) for size in SIZES]
        in_turn(subjects, options.rounds, options.requests)
        return _print(subjects, options.at_most)


def in_turn(subjects: Sequence[Subject], rounds: int, requests: int) -> None:
    """Ask the shops in turn for each kind, so many times in each round."""
    for subject in subjects:
        subject.connection.close()  # idle for long; the next request opens it again
    for turn in range(rounds + 1):
        for kind in subjects[0].kinds():
            for subject in subjects:
                subject.measure(kind, subject.kinds()[kind], requests)
        if turn == 0:  # that was to warm up
            for subject in subjects:
                subject.took.clear()


@contextmanager
def subject_of(size: int) -> Iterator[Subject]:
    """Run a shop with that many products."""
    with tempfile.TemporaryDirectory() as folder, own_shop(Path(folder), NO_CACHES) as run:
        fill(engine_of(run), size)
        address = urlsplit(run.api_url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        subject = Subject(size, connection, names(size), random.Random(1))
        subject.walk_to(DEEP)
        yield subject
        connection.close()


def _print(subjects: list[Subject], at_most: float) -> int:
    small, large = subjects
    print(f"| p50 in ms | {small.size:,} products | {large.size:,} products | ratio |")
    print("|---|---|---|---|")
    grew = []
    for kind in small.took:
        before, after = (statistics.median(each.took[kind]) for each in subjects)
        grew.append(after / before)
        print(f"| {kind} | {before:.1f} | {after:.1f} | {after / before:.2f} |")
    wrong = small.wrong + large.wrong
    print(f"\n{wrong} wrong answers.")
    return int(wrong > 0 or max(grew) >= at_most)


if __name__ == "__main__":
    sys.exit(main())
