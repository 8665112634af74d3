"""A flash sale: one product, few units, everybody at once. Just what there is gets sold."""

from typing import Any

from gevent.event import Event
from gevent.lock import Semaphore
from locust import constant, events, task
from locust.env import Environment
from locust.exception import StopUser

from loadtests.users.cart import CartOwner
from loadtests.users.staff import Staff


class Sale:
    """What is on sale, how many have come for it, and how many were sold."""

    def __init__(self) -> None:
        self.lock = Semaphore()
        self.product_id = 0
        self.stock = 0
        self.come = 0
        self.sold = 0
        self.opens = Event()


SALE = Sale()


class FlashSale(CartOwner):
    """Comes, waits until all are there, adds one, orders, and goes.

    Needs `--staff-password`, to put the product on sale.
    """

    wait_time = constant(0)

    def on_start(self) -> None:
        """Sign in, and see to it that there is something on sale."""
        super().on_start()
        with SALE.lock:
            if not SALE.product_id:
                SALE.product_id, SALE.stock = _put_on_sale(self.environment)
        SALE.come += 1
        if SALE.come >= self.environment.runner.target_user_count:
            SALE.opens.set()

    @task
    def buy(self) -> None:
        """Add one and order it."""
        SALE.opens.wait()
        self.add(SALE.product_id)
        if self.cart and self.order([*self.cart]):
            SALE.sold += 1
        raise StopUser


def _clerk(environment: Environment) -> Staff:
    Staff.host = environment.host
    clerk = Staff(environment)
    clerk.on_start()
    return clerk


def _put_on_sale(environment: Environment) -> tuple[int, int]:
    assert environment.parsed_options
    stock = environment.parsed_options.flash_stock
    wish = {"name": "Flash pear", "price": 5, "stock": stock}
    path = "/api/product/"
    status, product = _clerk(environment).call("staff: sale", "POST", path, wish, expected=201)
    if not status:
        raise StopUser
    return product["id"], stock


def _compare(environment: Environment, **_: Any) -> None:
    """Note a failure where more or less was sold than the shop took off its stock."""
    if not SALE.product_id:
        return

    def check(product: Any) -> str:
        left = SALE.stock - SALE.sold
        return "" if product["stock"] == left else f"{product['stock']} left, not {left}"

    path = f"/api/product/{SALE.product_id}/"
    _clerk(environment).call("flash sale adds up", "GET", path, check=check)
    print(f"\nFlash sale: {SALE.sold:,} of {SALE.stock:,} sold to {SALE.come:,} who came.")


events.test_stop.add_listener(_compare)
