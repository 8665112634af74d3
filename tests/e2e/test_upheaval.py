"""What must not hurt anyone else: clients that leave, and a new number of cart hosts."""

import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

from pearshop.launcher import config
from pearshop.launcher.dashboard import Dashboard
from pearshop.launcher.state import StateFolder
from pearshop.launcher.status import report
from tests.e2e.conftest import Caller, Shop

CART = "/api/order-item/"


def _leave_at_once(shop: Shop, caller: Caller, product_id: int) -> None:
    """Send an add and hang up without waiting for the answer."""
    body = f"product_id={product_id}&quantity=1"
    address = urlsplit(shop.run["api_url"])
    request = (
        f"POST {CART} HTTP/1.1\r\nHost: shop\r\nAuthorization: Bearer {caller.tokens['access']}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
        f"{body}"
    )
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(request.encode())


def test_a_client_that_leaves_takes_nothing_from_the_others(shop: Shop) -> None:
    caller = shop.shopper()
    products = [shop.product() for _ in range(15)]
    for _ in range(3):
        for product in products:
            _leave_at_once(shop, caller, product["id"])
        for product in products:
            assert shop.visitor.get(f"/api/product/{product['id']}/").status_code == 200
            added = caller.post(CART, {"product_id": product["id"], "quantity": 1})
            assert added.status_code == 201, added.text


class Adder(threading.Thread):
    """Adds one piece after another, each under a key, until told to stop; counts what it got."""

    def __init__(self, shop: Shop, product_id: int) -> None:
        super().__init__()
        self.caller = shop.shopper()
        self.product_id = product_id
        self.acknowledged = 0
        self.failures: list[str] = []
        self.enough = threading.Event()

    def run(self) -> None:
        while not self.enough.is_set():
            key = {"Idempotency-Key": str(uuid.uuid4())}
            for _ in range(50):
                answer = self._add(key)
                if answer is not None and answer.status_code != 503:
                    break
            if answer is None or answer.status_code != 201:
                self.failures.append("no answer" if answer is None else answer.text)
            else:
                self.acknowledged += 1

    def _add(self, key: dict[str, str]) -> httpx.Response | None:
        try:
            return self.caller.post(
                CART, {"product_id": self.product_id, "quantity": 1}, headers=key
            )
        except httpx.TransportError:
            return None

    def held(self) -> int:
        """Return how many pieces the cart holds."""
        lines = self.caller.get(CART).json()
        return sum(line["quantity"] for line in lines)


@contextmanager
def _load(shop: Shop, count: int) -> Iterator[list[Adder]]:
    product = shop.product()
    adders = [Adder(shop, product["id"]) for _ in range(count)]
    for adder in adders:
        adder.start()
    try:
        yield adders
    finally:
        for adder in adders:
            adder.enough.set()
            adder.join()


def _set_hosts(shop: Shop, hosts: int) -> None:
    """Deploy with another number of cart hosts and wait until all of them serve."""
    address = urlsplit(shop.run["api_url"])
    description = config.load(str(address.hostname), int(address.port or 0))
    api = next(
        each for each in description["applications"][0]["deployments"] if each["name"] == "Api"
    )
    api["user_config"]["cart_hosts"] = hosts
    dashboard = Dashboard(shop.run["dashboard_url"])
    dashboard.deploy(description, 60)
    run = StateFolder(shop.state).read_run()
    assert run is not None
    while True:
        alive = [p.name for p in report(run) if p.name.startswith("cart host") and p.healthy]
        if len(alive) >= hosts and dashboard.is_running("pearshop"):
            return


def test_the_number_of_cart_hosts_changes_under_load_and_nothing_is_lost(shop: Shop) -> None:
    with _load(shop, 4) as adders:
        for hosts in (3, 1):
            before = [adder.acknowledged for adder in adders]
            _set_hosts(shop, hosts)
            while any(a.acknowledged < b + 20 for a, b in zip(adders, before, strict=True)):
                assert not any(adder.failures for adder in adders)
    assert [adder.failures for adder in adders] == [[]] * 4
    assert [adder.held() for adder in adders] == [adder.acknowledged for adder in adders]
