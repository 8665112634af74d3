"""Which names are the shop's."""

import socket

import pytest
from pydantic import ValidationError

from pearshop.http.browsers.hosts import Hosts
from pearshop.settings import Settings

SHOP = Hosts(("shop.example", "*.pears.example"))


@pytest.mark.parametrize(
    "host",
    [
        *("shop.example", "SHOP.example:8000", "shop.example.", "www.pears.example"),
        *("a.b.pears.example:443", "localhost", "localhost:8000", "127.0.0.1:8000", "10.0.0.7"),
        *("[::1]:8000", "[2001:db8::1]", socket.gethostname()),
    ],
)
def test_own_ones(host: str) -> None:
    assert SHOP.know(host.encode())


@pytest.mark.parametrize(
    "host",
    [
        *("", "elsewhere.example", "shop.example.elsewhere.example", "myshop.example"),
        *("pears.example", "notpears.example", "127.0.0.1.elsewhere.example", "1.2.3", "[::1"),
        *("localhost.elsewhere.example", "\xff", "a" * 300, "shop.example/x", ":8000", "*"),
    ],
)
def test_others(host: str) -> None:
    assert not SHOP.know(host.encode("latin-1"))


def test_any() -> None:
    assert Hosts(("*",)).know(b"elsewhere.example")


@pytest.mark.parametrize(
    "names", ["https://shop.example", "shop.example:80", "a*.example", "shop.example/", "a b"]
)
def test_what_is_no_name_is_refused_at_start(names: str) -> None:
    with pytest.raises(ValidationError, match=r"write it like shop\.example"):
        Settings(allowed_hosts=f"good.example, {names}")


def test_names_are_listed_by_commas() -> None:
    assert Settings(allowed_hosts=" A.example,, *.b.example").host_names == (
        "a.example",
        "*.b.example",
    )
