"""Which URLs are taken, and which addresses are the whole internet's."""

import pytest

from pearshop.domain.webhook import MAX_URL
from pearshop.errors import Invalid
from pearshop.webhooks.address import Address, address_of, is_public
from tests.pure import _nothing_outside

__all__ = ["_nothing_outside"]


@pytest.mark.parametrize(
    ("url", "address", "authority"),
    [
        (
            "https://shop.example/events?a=1&b=%20",
            Address("https", "shop.example", 443, "/events?a=1&b=%20"),
            "shop.example",
        ),
        ("HTTP://Shop.Example", Address("http", "shop.example", 80, "/"), "shop.example"),
        ("http://a_b.example:8080/", Address("http", "a_b.example", 8080, "/"), "a_b.example:8080"),
        ("http://[::1]:81?x", Address("http", "::1", 81, "/?x"), "[::1]:81"),
        ("https://192.0.2.1/", Address("https", "192.0.2.1", 443, "/"), "192.0.2.1"),
        ("https://xn--bcher-kva.example/", Address("https", "xn--bcher-kva.example", 443, "/"), ""),
    ],
)
def test_a_url_leads_somewhere(url: str, address: Address, authority: str) -> None:
    assert address_of(url) == address
    assert address.authority == (authority or address.host)


def test_an_address_is_reached_by_an_ip() -> None:
    address = address_of("https://shop.example/events?a=1")
    assert address.by_way_of("192.0.2.1") == "https://192.0.2.1:443/events?a=1"
    assert address.by_way_of("2001:db8::1") == "https://[2001:db8::1]:443/events?a=1"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "write it"),
        ("shop.example", "must begin"),
        ("ftp://shop.example/", "must begin"),
        ("file:///etc/passwd", "must begin"),
        ("https:///events", "must begin"),
        ("https://-shop.example/", "must begin"),
        ("https://shop%2eexample/", "must begin"),
        ("http://[fe80::1%25eth0]/", "must begin"),
        ("https://ada:secret@shop.example/", "no name and password"),
        ("https://shop.example@127.0.0.1/", "no name and password"),
        ("https://shop.example\\@127.0.0.1/", "write it"),
        ("https://shop.example/#part", "without a fragment"),
        ("https://shop.example/a b", "write it"),
        ("https://shop.example/\r\nX-Header: 1", "write it"),
        ("https://b\u00fccher.example/", "xn--"),
        ("https://shop.example:0/", "port 0"),
        ("https://shop.example:65536/", "is no URL"),
        ("https://shop.example:x/", "is no URL"),
        ("https://[::1/", "is no URL"),
        ("https://shop.example/" + "x" * MAX_URL, "at most"),
    ],
)
def test_others_are_refused_in_words(url: str, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        address_of(url)


@pytest.mark.parametrize("ip", ["8.8.8.8", "1.1.1.1", "2001:4860:4860::8888", "64:ff9b::808:808"])
def test_public_ones(ip: str) -> None:
    assert is_public(ip)


@pytest.mark.parametrize(
    "ip",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1"),
        *("169.254.169.254", "100.64.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
        *("255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1"),
        *("ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "64:ff9b::7f00:1"),
        *("64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2001::1"),
    ],
)
def test_others(ip: str) -> None:
    assert not is_public(ip)
