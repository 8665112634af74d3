"""Prices that change under a load, and whether each charge was right when it was made.

A change is in force from a moment between its request and its answer. So a price may be charged or
refused between the request of the change that brought it and the answer of the one that ended it.
"""

import http.client
import random
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import orjson

from loadtests.accounts import Wallet
from loadtests.offered import is_good
from loadtests.scenarios.stock import Product
from loadtests.scenarios.visits import Visit, sold_lines
from pearshop.domain.user import User

PER_SECOND = 1.0


@dataclass(frozen=True, slots=True)
class Priced:
    """A price, and when (ms of the monotonic clock) the change that brought it began and ended."""

    price: int
    began: float
    ended: float


@dataclass
class History:
    """All prices of each product, the oldest first; none comes twice for a product."""

    of: dict[int, list[Priced]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of_catalogue(cls, products: Iterable[Product]) -> "History":
        """Return that of products whose prices have not changed yet."""
        return cls({each.id: [Priced(each.price, 0.0, 0.0)] for each in products})

    def possible(self, product: int, began: float, ended: float) -> set[int]:
        """Return the prices that were in force at some moment of that time, as far as is known."""
        known = self.of[product]
        over = [*(each.ended for each in known[1:]), float("inf")]
        pairs = zip(known, over, strict=True)
        return {each.price for each, end in pairs if each.began <= ended and end >= began}

    def age(self, product: int, price: int, seen: float) -> float:
        """Return how long (ms) ago a price had been replaced when it was asked for; 0: it was not.

        Raises `ValueError` for one that the product never had.
        """
        known = self.of[product]
        index = [each.price for each in known].index(price)
        over = known[index + 1].ended if index + 1 < len(known) else seen
        return max(0.0, seen - over)


@dataclass
class Clerk:
    """Changes prices by the staff's API, those of wanted products more often."""

    url: str
    wallet: Wallet
    staff: User
    products: Sequence[Product]

    @contextmanager
    def changing(self) -> Iterator[History]:
        """Change them meanwhile."""
        history, ended = History.of_catalogue(self.products), threading.Event()
        writer = threading.Thread(target=self._work, args=(history, ended))
        writer.start()
        try:
            yield history
        finally:
            ended.set()
            writer.join()

    def _work(self, history: History, ended: threading.Event) -> None:
        chance = random.Random(1)
        ranks = [1 / rank for rank in range(1, len(self.products) + 1)]
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        while not ended.wait(1 / PER_SECOND):
            [product] = chance.choices(self.products, ranks)
            price = history.of[product.id][-1].price + 1
            began = time.monotonic() * 1e3
            wrong = self._change(connection, product.id, price)
            over = time.monotonic() * 1e3
            if wrong:
                # Whether it was done is not known: it may be in force from now on, and never.
                history.problems.append(f"a price could not be changed: {wrong}")
                over = float("inf")
            history.of[product.id].append(Priced(price, began, over))

    def _change(self, connection: http.client.HTTPConnection, product: int, price: int) -> str:
        """Change a price; return what went wrong."""
        headers = {
            "Authorization": f"Bearer {self.wallet.token(self.staff)}",
            "Content-Type": "application/json",
        }
        body = orjson.dumps({"price": price})
        try:
            connection.request("PATCH", f"/api/product/{product}/", body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return repr(error)
        right = answer.status == 200 and orjson.loads(content)["price"] == price
        return "" if right else f"{answer.status} {content[:200].decode()}"


def mischarged(visits: Iterable[Visit], history: History) -> list[str]:
    """Return which orders were charged, or refused, at a price that was not in force. Pure."""
    found = []
    for visit in visits:
        if visit.kind != "order" or not visit.told:
            continue
        user, order, _, lines = visit.told[:4]
        possible = {
            product: history.possible(product, visit.sent, visit.answered)
            for _, (product, _, _) in sold_lines(lines)
        }
        sold = [(product, price) for _, (product, _, price) in sold_lines(lines)]
        if is_good(visit.status):
            found += [
                f"order {order} was charged {price} for {product}, not of {possible[product]}"
                for product, price in sold
                if price not in possible[product]
            ]
        elif all(possible[product] == {price} for product, price in sold):
            found.append(f"an order of {user} was refused, though no price had changed")
    return found


def ages(visits: Iterable[Visit], history: History) -> tuple[list[float], list[str]]:
    """Return how old (ms) each shown price was, and which were never in force. Pure."""
    found, problems = list[float](), list[str]()
    for visit in visits:
        if visit.kind != "view" or len(visit.told) != 2:
            continue
        product, price = map(int, visit.told)
        try:
            found.append(history.age(product, price, visit.sent))
        except ValueError:
            problems.append(f"product {product} was shown at {price}, which it never cost")
    return found, problems


def changes(of: Mapping[int, Sequence[Priced]]) -> int:
    """Return how many changes there were. Pure."""
    return sum(len(each) - 1 for each in of.values())
