"""A load of shoppers over HTTP that keeps its own record, in a thread of its own.

Each shopper acts from two devices at once on one cart, so that their commands meet.
"""

import asyncio
import random
import threading
import uuid
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType

import aiohttp

from loadtests.reconcile import Baseline
from tests.faults.client import Client
from tests.faults.history import (
    Add,
    Change,
    History,
    Line,
    Operation,
    Order,
    Outcome,
    Read,
    Remove,
    Request,
)

DEVICES = 2
PAUSE_S = 0.05
"""The longest that a device waits between two operations."""
MIX = {Add: 40, Change: 18, Remove: 10, Read: 20, Order: 12}
"""How often each operation comes, of 100."""
MOST = 5
"""Pieces in one command, at most."""


class Load:
    """Shoppers who shop from `start` to `stop`, or as long as it is entered.

    `before` is the shop as it was before them. Usernames and keys are new with every load; what
    the devices choose follows from `seed` and the answers.
    """

    def __init__(
        self,
        url: str,
        before: Baseline,
        products: Sequence[int],
        *,
        shoppers: int = 8,
        seed: int = 0,
    ) -> None:
        self.history = History(before)
        self._url = url
        self._products = products
        self._seed = seed
        run = uuid.uuid4().hex[:8]
        self._names = [f"load-{run}-{number}" for number in range(shoppers)]
        self._enough = threading.Event()
        self._progress = threading.Condition()
        self._acknowledged: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(1, "load")
        self._signed_in: Future[None] = Future()
        self._work: Future[None] = Future()

    def __enter__(self) -> "Load":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin; returns when all have signed in. Raises what keeps them from it."""
        self._work = self._threads.submit(lambda: asyncio.run(self._shop()))
        wait([self._work, self._signed_in], return_when=FIRST_COMPLETED)
        if self._work.done():
            self._work.result()

    def stop(self) -> History:
        """End, once every device has its operation answered or has given it up.

        Raises what went wrong in the load itself.
        """
        self._enough.set()
        self._threads.shutdown()
        self._work.result()
        return self.history

    def await_acknowledged(self, more: int, timeout: float = 180.0) -> None:
        """Wait until every shopper has `more` further operations acknowledged.

        Raises `TimeoutError`.
        """
        with self._progress:
            goals = {name: self._acknowledged[name] + more for name in self._names}
            reached = self._progress.wait_for(
                lambda: all(self._acknowledged[name] >= goal for name, goal in goals.items()),
                timeout,
            )
        if not reached:
            raise TimeoutError(f"not all shoppers had {more} answers within {timeout} s")

    def read_cart(self, username: str) -> dict[int, Line]:
        """Return a shopper's cart as the shop answers it now, by line id.

        Raises `RuntimeError` when it does not.
        """
        return asyncio.run(self._read_cart(username))

    async def _read_cart(self, username: str) -> dict[int, Line]:
        async with aiohttp.ClientSession() as session:
            client = Client(session, self._url, History(self.history.before), username)
            await client.sign_in()
            read = await client.perform(0, Read())
        if read.outcome is not Outcome.ACKNOWLEDGED:
            raise RuntimeError(f"the cart of {username} cannot be read: {read}")
        return {line.id: line for line in _lines(read)}

    async def _shop(self) -> None:
        async with aiohttp.ClientSession() as session:
            clients = [Client(session, self._url, self.history, name) for name in self._names]
            async with asyncio.TaskGroup() as group:
                for client in clients:
                    group.create_task(_enter(client))
            self._signed_in.set_result(None)
            async with asyncio.TaskGroup() as group:
                for index, client in enumerate(clients):
                    shelf: set[int] = set()
                    for number in range(DEVICES):
                        choose = random.Random(f"{self._seed} {index} {number}")
                        device = _Device(client, number, shelf, self._products, choose)
                        group.create_task(self._use(device))

    async def _use(self, device: "_Device") -> None:
        while not self._enough.is_set():
            operation = await device.act()
            if operation.outcome is Outcome.ACKNOWLEDGED:
                with self._progress:
                    self._acknowledged[operation.shopper] += 1
                    self._progress.notify_all()


class _Device:
    """One of a shopper's devices. `shelf` has the lines that they think are in the cart."""

    def __init__(
        self,
        client: Client,
        number: int,
        shelf: set[int],
        products: Sequence[int],
        choose: random.Random,
    ) -> None:
        self._client = client
        self._number = number
        self._shelf = shelf
        self._products = products
        self._random = choose

    async def act(self) -> Operation:
        """Pause, then do one thing."""
        await asyncio.sleep(self._random.uniform(0, PAUSE_S))
        operation = await self._client.perform(self._number, self._choose())
        self._learn(operation)
        return operation

    def _choose(self) -> Request:
        choose = self._random
        [kind] = choose.choices(list(MIX), list(MIX.values()))
        lines = sorted(self._shelf)
        if kind is Read:
            return Read()
        if kind is Add or not lines:
            return Add(choose.choice(self._products), choose.randint(1, MOST))
        if kind is Change:
            product = choose.choice(self._products) if choose.random() < 0.25 else None
            return Change(choose.choice(lines), choose.randint(1, MOST), product)
        if kind is Remove:
            return Remove(choose.choice(lines))
        wanted = choose.sample(lines, choose.randint(1, len(lines)))
        return Order(tuple(wanted), f"{choose.randint(1, 99)} Orchard Lane")

    def _learn(self, operation: Operation) -> None:
        """Keep the shelf roughly right: a line that the other device took away is missed later."""
        request = operation.request
        acknowledged = operation.outcome is Outcome.ACKNOWLEDGED
        if acknowledged and isinstance(request, Read):
            self._shelf.clear()
        self._shelf.update(line.id for line in _lines(operation))
        if operation.code == "line_unknown" or (acknowledged and not isinstance(request, Change)):
            self._shelf.difference_update(_named(request))


async def _enter(client: Client) -> None:
    await client.register()
    await client.sign_in()


def _lines(operation: Operation) -> tuple[Line, ...]:
    """Return the cart lines of an answer."""
    match operation.answer:
        case Line() as line:
            return (line,)
        case tuple() as lines:
            return lines
        case _:
            return ()


def _named(request: Request) -> tuple[int, ...]:
    """Return the lines that a request names."""
    match request:
        case Change(line_id) | Remove(line_id):
            return (line_id,)
        case Order(line_ids):
            return line_ids
        case _:
            return ()
