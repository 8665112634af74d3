"""The subjects of a run: started all at once on one PostgreSQL server, filled alike.

They run side by side, for an idle peer uses no processor time worth the name and a shop that was
stopped meanwhile would come back without its carts; what each uses when idle is measured and told.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from loadtests.bench.books import Books
from loadtests.bench.peer_books import PeerBooks
from loadtests.bench.processes import (
    BARE_REPLICAS,
    FLOOR_REPLICAS,
    NOT_THE_BARE,
    NOT_THE_FLOORS,
    Processes,
    of_peer,
    of_shop,
)
from loadtests.bench.result import BARE, FLOOR, SHOP
from loadtests.bench.routes import ADD, CART_LINES, ORDER, ROUTES, Route, Wares, goods, search_words
from loadtests.bench.shop_books import ShopBooks
from loadtests.peers.database import Good
from loadtests.peers.running import PEERS, Peer
from loadtests.shop_with_floor import shop_and_floor
from pearshop.db.embedded import DATABASE
from pearshop.launcher.state import Run

ROLE_OF_PEER = {"Django": "gunicorn", "FastAPI": "uvicorn"}


@dataclass(frozen=True)
class Sizes:
    """How much there is of what."""

    products: int
    shoppers: int
    buyers: int
    """Shoppers of the peers who order; the shop gets as many as it needs."""


@dataclass(frozen=True)
class Subject:
    """One of those that are measured. The floor has no `books` and no `database` of its own."""

    name: str
    url: str
    wares: Wares
    processes: Processes
    database: str = ""
    books: Books | None = None
    routes: Sequence[Route] = tuple(ROUTES.values())

    @property
    def current(self) -> Wares:
        """The wares with tokens that are good now: the shop's live for a quarter of an hour."""
        return replace(self.wares, tokens=self.books.tokens) if self.books else self.wares


@dataclass(frozen=True)
class Field:
    """All that are measured, in their order, and what they sell: goods by their place."""

    run: Run
    subjects: list[Subject]
    sold: list[Good]

    def goods_of(self, subject: Subject) -> Mapping[int, Good]:
        """Return the goods by the ids that they have there."""
        return dict(zip(subject.wares.products, self.sold, strict=True))


@contextmanager
def started(state: Path, sizes: Sizes, *, with_peers: bool) -> Iterator[Field]:
    """Run all subjects, filled, for the time of the block.

    Raises `ConfigurationError` or `CalledProcessError` when one does not start.
    """
    sold = goods(sizes.products)
    words = search_words(sold)
    with ExitStack() as stack:
        run = stack.enter_context(shop_and_floor(state))
        books = ShopBooks(run, state, sold, sizes.shoppers)
        wares = Wares(books.products, books.tokens, words, [each.id for each in books.shoppers])
        bare = of_shop(run, NOT_THE_BARE)
        shop = of_shop(run, {FLOOR_REPLICAS, BARE_REPLICAS})
        subjects = [
            Subject(FLOOR, run.api_url, wares, of_shop(run, NOT_THE_FLOORS)),
            Subject(BARE, run.api_url, wares, bare, DATABASE, books, (ADD, ORDER)),
            Subject(SHOP, run.api_url, wares, shop, DATABASE, books),
        ]
        for start in PEERS if with_peers else ():
            accounts = sizes.shoppers + sizes.buyers
            peer = stack.enter_context(start(run.database_url, state / "peers", accounts, sold))
            subjects.append(_peer(run, peer, sizes, words))
        for subject in subjects:
            if subject.books and subject.name != BARE:  # it has the shop's
                subject.books.fill_carts(CART_LINES)
        yield Field(run, subjects, sold)


def _peer(run: Run, peer: Peer, sizes: Sizes, words: list[str]) -> Subject:
    books = PeerBooks(run.database_url, peer, sizes.shoppers)
    processes = of_peer(peer.pid, ROLE_OF_PEER[peer.name], run.pids["postgres"], books.database)
    wares = Wares(peer.products, books.tokens, words)
    return Subject(peer.name, peer.url, wares, processes, books.database, books)
