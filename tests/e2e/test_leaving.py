"""Clients that leave must not hurt anyone else. Faults of our own parts: see tests/faults."""

import socket
from urllib.parse import urlsplit

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
