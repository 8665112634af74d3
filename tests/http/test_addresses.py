"""Whose request it is: the ingress's word, trusted proxies', and nobody else's."""

from typing import Any

import pytest

from pearshop.http.addresses import HOPS, UNKNOWN, Addresses

PROXIES = "10.0.0.0/8, fd00::/8"
CLIENT = "203.0.113.9"


def _of(
    *headers: tuple[str, str],
    peer: str | None = "127.0.0.1",
    behind_ingress: bool = True,
    trusted: str = PROXIES,
) -> str:
    scope = {
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "client": (peer, 1) if peer else None,
    }
    return Addresses(trusted, behind_ingress=behind_ingress).of(scope)


def _from(peer: str, *forwarded: str) -> str:
    return _of(("x-ingress-client", peer), *(("x-forwarded-for", each) for each in forwarded))


def test_the_ingress_knows_its_peer() -> None:
    assert _from(CLIENT) == CLIENT


def test_without_our_ingress_its_header_is_a_clients_word() -> None:
    forged = ("x-ingress-client", CLIENT)
    assert _of(forged, peer="198.51.100.1", behind_ingress=False) == "198.51.100.1"


def test_a_request_past_the_ingress_has_its_own_peer() -> None:
    assert _of(peer="198.51.100.1") == "198.51.100.1"
    assert _of(peer=None) == UNKNOWN


@pytest.mark.parametrize(
    ("peer", "forwarded", "key"),
    [
        ("198.51.100.1", [CLIENT], "198.51.100.1"),  # nobody's proxy
        ("10.0.0.1", [CLIENT], CLIENT),
        ("10.0.0.1", [f"1.1.1.1, {CLIENT}"], CLIENT),  # what the client made up stands first
        ("10.0.0.1", ["1.1.1.1", CLIENT], CLIENT),
        ("10.0.0.1", [f"1.1.1.1,{CLIENT} ,10.0.0.2"], CLIENT),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("fd00::1", [CLIENT], CLIENT),
        ("::ffff:10.0.0.1", [CLIENT], CLIENT),
    ],
)
def test_trusted_proxies_are_believed_from_the_end(
    peer: str, forwarded: list[str], key: str
) -> None:
    assert _from(peer, *forwarded) == key


@pytest.mark.parametrize(
    "garbage",
    ["", ",", " , ", "unknown", "1.2.3", "1.2.3.4:80", "\xff", "9" * 60_000, "a," * 9_000],
)
def test_garbage_leaves_the_proxy_that_passed_it_on(garbage: str) -> None:
    assert _from("10.0.0.1", garbage) == "10.0.0.1"
    assert _from(CLIENT, garbage) == CLIENT
    assert _from("10.0.0.1", f"{garbage}, {CLIENT}") == CLIENT


def test_a_chain_of_proxies_has_an_end() -> None:
    assert _from("10.0.0.1", CLIENT + ", 10.0.0.2" * (HOPS - 1)) == CLIENT
    assert _from("10.0.0.1", CLIENT + ", 10.0.0.2" * HOPS) == "10.0.0.2"


def test_one_network_of_ipv6_is_one_client() -> None:
    assert _from("2001:db8:1:2::1") == _from("2001:db8:1:2:ffff::9") == "2001:db8:1:2::/64"
    assert _from("2001:db8:1:3::1") != _from("2001:db8:1:2::1")
    assert _from("::ffff:203.0.113.9") == CLIENT


@pytest.mark.parametrize(
    ("peer", "told", "scheme"),
    [
        ("10.0.0.1", "https", "https"),
        ("10.0.0.1", " HTTPS ", "https"),
        ("10.0.0.1", "http", "http"),
        ("10.0.0.1", "https, http", "http"),  # which of them is meant nobody knows
        ("10.0.0.1", "javascript", "http"),
        ("10.0.0.1", "\xff", "http"),
        ("10.0.0.1", "", "http"),
        (CLIENT, "https", "http"),
        ("garbage", "https", "http"),
    ],
)
def test_of_the_scheme_trusted_proxies_are_believed(peer: str, told: str, scheme: str) -> None:
    scope = {
        "scheme": "http",
        "headers": [
            (b"x-ingress-client", peer.encode()),
            (b"x-forwarded-proto", told.encode("latin-1")),
        ],
        "client": ("127.0.0.1", 1),
    }
    assert Addresses(PROXIES, behind_ingress=True).scheme(scope) == scheme


def test_of_the_scheme_nobody_has_to_tell() -> None:
    for client in (None, ("10.0.0.1", 1)):
        scope: dict[str, Any] = {"scheme": "https", "headers": [], "client": client}
        assert Addresses(PROXIES, behind_ingress=False).scheme(scope) == "https"


def test_loopback_is_trusted_by_default() -> None:
    forwarded = ("x-forwarded-for", CLIENT)
    assert _of(forwarded, trusted="127.0.0.0/8,::1/128") == CLIENT
    assert _of(forwarded, trusted="") == "127.0.0.1"
