"""The trace of a real shop's orders, at the times at which they came, compressed."""

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import gevent
from gevent.lock import Semaphore
from locust import constant, task
from locust.exception import StopUser

from loadtests.trace import Invoice, make_plan, read_lines
from loadtests.users.cart import CartOwner

DATA = Path(__file__).parents[3] / "shared" / "data" / "orders.csv.gz"
INVOICES = 20_000


class Trace:
    """Invoices in the order of their time, handed out to whoever is free."""

    def __init__(self) -> None:
        self.lock = Semaphore()
        self._invoices: Iterator[Invoice] | None = None
        self._began = 0.0
        self._first = datetime.min

    def open(self, catalogue: dict[str, int]) -> None:
        """Read the trace, once."""
        if self._invoices is None:
            plan = make_plan(read_lines(DATA), catalogue, INVOICES)
            self._first = min(each.at for each in plan.invoices)
            self._invoices = iter(sorted(plan.invoices, key=lambda each: each.at))
            self._began = time.monotonic()

    def next(self, compress: float) -> tuple[Invoice, float] | None:
        """Return an invoice and how long (s) it is until its time; nothing at the end."""
        assert self._invoices is not None
        invoice = next(self._invoices, None)
        if invoice is None:
            return None
        due = (invoice.at - self._first).total_seconds() / compress
        return invoice, max(0.0, self._began + due - time.monotonic())


TRACE = Trace()


class Replay(CartOwner):
    """Plays one customer after the other. Needs the real catalogue: `pearshop import-products`."""

    wait_time = constant(0)

    def on_start(self) -> None:
        """Learn which product has which sku."""
        super().on_start()
        with TRACE.lock:
            TRACE.open(self._catalogue())

    @task
    def invoice(self) -> None:
        """Fill the cart as an invoice says, and order it."""
        coming = TRACE.next(self.environment.parsed_options.compress)
        if coming is None:
            raise StopUser
        invoice, pause = coming
        gevent.sleep(pause)
        for add in invoice.adds:
            self.add(add.product_id, add.quantity)
        # What is out of stock leaves the cart; the rest is ordered then.
        if self.cart and self.order([*self.cart]) is None and self.cart:
            self.order([*self.cart])

    def _catalogue(self) -> dict[str, int]:
        found: dict[str, int] = {}
        after = 0
        while True:
            path = f"/api/product/?limit=500&offset={after}&ordering=newest&fields=id,sku"
            _, page = self.call("catalogue", "GET", path)
            found |= {each["sku"].upper(): each["id"] for each in page or () if each["sku"]}
            if not page or len(page) < 500:
                return found
            after += 500
