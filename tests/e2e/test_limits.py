"""Limits of a real shop, and that its clients cannot choose who they are."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e import nginx
from tests.e2e.conftest import PASSWORD, Shop, running_shop
from tests.e2e.nginx import Nginx
from tests.replicas import each_replica

SMALL = {
    "PEARSHOP_RATE_LIMITS": "on",
    "PEARSHOP_RATE_LIMIT_ADDRESS": "20/hour",
    "PEARSHOP_RATE_LIMIT_REGISTER": "3/hour",
    "PEARSHOP_TRUSTED_PROXIES": "127.0.0.1/32",
}
ADDRESS = "127.0.0.2"
"""A client's, of which the shop has no reason to believe anything."""


@pytest.fixture(scope="module")
def small(own_folder: Path) -> Iterator[Shop]:
    """A shop with small limits."""
    with running_shop(own_folder / "limited", **SMALL) as running:
        yield running


@pytest.fixture(scope="module")
def limited(small: Shop) -> Iterator[httpx.Client]:
    """A client of that shop."""
    transport = httpx.HTTPTransport(local_address=ADDRESS)
    url = small.run["api_url"]
    with httpx.Client(base_url=url, timeout=30, transport=transport) as http:
        yield http


@pytest.fixture
def edge(limited: httpx.Client, own_folder: Path) -> Iterator[Nginx]:
    """An nginx before that shop, on the one address that the shop trusts."""
    with nginx.running(own_folder / "edge", limited.base_url.netloc.decode()) as running:
        yield running


def _register(http: httpx.Client, number: int) -> httpx.Response:
    address = f"198.51.100.{number}"
    return http.post(
        "/api/register/",
        json={"username": f"shopper {number}", "password": PASSWORD},
        headers={"x-ingress-client": address, "X-Forwarded-For": address},
    )


def test_a_client_cannot_choose_its_address(limited: httpx.Client) -> None:
    made = [_register(limited, number) for number in range(5)]
    assert [each.status_code for each in made] == [201, 201, 201, 429, 429]
    assert made[0].headers["RateLimit"].startswith('"register";r=2;t=')
    assert int(made[4].headers["Retry-After"]) >= 1
    assert made[4].json()["code"] == "too_many_requests"
    reads = [
        limited.get("/api/category/", headers={"X-Forwarded-For": f"198.51.100.{number}"})
        for number in range(30)
    ]
    assert reads[-1].status_code == 429
    assert 15 <= sum(each.status_code == 200 for each in reads) <= 17
    assert limited.get("/api/nothing/").status_code == 429


def test_replicas_count_together(small: Shop) -> None:
    with each_replica(small.state, "127.0.0.3") as replicas:
        turns = itertools.islice(itertools.cycle(replicas), 30)
        told = [each.get("/api/category/").status_code for each in turns]
    assert told[-1] == 429
    # They tell each other in the background: each lets through one more, at most.
    assert 20 <= told.count(200) <= 20 + len(replicas)


def test_an_edge_hands_on_who_its_clients_are(edge: Nginx) -> None:
    def register(client: int, number: int) -> int:
        transport = httpx.HTTPTransport(local_address=f"127.0.3.{client}")
        with httpx.Client(base_url=edge.url, timeout=30, transport=transport) as http:
            return _register(http, number).status_code

    assert [register(1, number) for number in range(10, 14)] == [201, 201, 201, 429]
    assert register(2, 15) == 201
