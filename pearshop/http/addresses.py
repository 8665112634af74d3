"""The address that a request came from, as far as it can be known.

Behind `pearshop-haproxy` every request carries `x-ingress-client`: the peer of HAProxy's own
connection. HAProxy replaces whatever a client sends under that name, so only somebody who talks to
a replica past HAProxy can forge it. The replicas' ports listen on every interface, but whoever
reaches them reaches Ray's own, too, and can run code as the shop: the README asks for a firewall,
and no header could help without it. The replica's own peer says nothing there: it is HAProxy.

Without that HAProxy (no wheel for the platform, or a cluster with another one) nobody overwrites
the header, so it does not count and the peer of Serve's proxy does.

`X-Forwarded-For` counts as far as trusted proxies wrote it. Each appends the address of its peer,
so the list is read from its end, and the first address that is not a trusted proxy's is the
client's: whatever stands before it, the client may have made up.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import PurePath

from starlette.types import Scope

INGRESS_CLIENT = "x-ingress-client"
INGRESS = "pearshop-haproxy"
FORWARDED = b"x-forwarded-for"
FORWARDED_SCHEME = b"x-forwarded-proto"
UNKNOWN = "unknown"
"""The key of all whose address cannot be told; a Unix socket has none."""
HOPS = 10
"""Trusted proxies that are followed, at most."""
MAX_TEXT = 45
"""The longest IPv6 address, written with an IPv4 one at its end."""
REMEMBERED = 4096
NETWORK_BITS = 64
"""Of an IPv6 address: what one household or one machine is given, and may vary the rest of."""


def behind_ingress(environment: Mapping[str, str]) -> bool:
    """Return whether requests come through `pearshop-haproxy`, which tells the client's address."""
    program = PurePath(environment.get("RAY_SERVE_HAPROXY_BINARY_PATH", ""))
    return environment.get("RAY_SERVE_ENABLE_HA_PROXY") == "1" and program.name == INGRESS


class Addresses:
    """Tells clients apart. `trusted`: networks of proxies, separated by commas.

    `behind_ingress`: whether HAProxy sets `x-ingress-client`. Raises `ValueError` for networks that
    are none.
    """

    def __init__(self, trusted: str, *, behind_ingress: bool) -> None:
        networks = [ip_network(each.strip()) for each in trusted.split(",") if each.strip()]
        self._ingress = INGRESS_CLIENT.encode() if behind_ingress else None

        @lru_cache(REMEMBERED)
        def known(text: str) -> tuple[str, bool] | None:
            address = _parsed(text)
            if address is None:
                return None
            return _key(address), any(address in network for network in networks)

        self._known = known

    def of(self, scope: Scope) -> str:
        """Return the key of a request's client: an IPv4 address or the /64 of an IPv6 one."""
        peer = ""
        forwarded: list[bytes] = []
        for name, value in scope["headers"]:
            if name == self._ingress:
                peer = value.decode("latin-1")
            elif name == FORWARDED:
                forwarded.append(value)
        client = scope.get("client")
        found = self._look(peer or (client[0] if client else ""))
        if found is None:
            return UNKNOWN
        key, trusted = found
        return self._behind(key, forwarded) if trusted and forwarded else key

    def scheme(self, scope: Scope) -> str:
        """Return the scheme of the URL that was asked for, as far as a trusted proxy tells it."""
        headers = dict(scope["headers"])
        client = scope.get("client")
        peer = headers.get(self._ingress, b"").decode("latin-1") or (client[0] if client else "")
        told: str = headers.get(FORWARDED_SCHEME, b"").decode("latin-1").strip().lower()
        found = self._look(peer)
        is_told = found is not None and found[1] and told in {"http", "https"}
        return told if is_told else str(scope["scheme"])

    def _behind(self, key: str, forwarded: Iterable[bytes]) -> str:
        """Return whom the proxy of this key names; the proxy itself where it names no address."""
        named = b",".join(forwarded).decode("latin-1").rsplit(",", HOPS)
        for text in reversed(named[-HOPS:]):
            found = self._look(text.strip())
            if found is None:
                return key
            key, trusted = found
            if not trusted:
                return key
        return key

    def _look(self, text: str) -> tuple[str, bool] | None:
        return self._known(text) if len(text) <= MAX_TEXT else None


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _key(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    rest = 128 - NETWORK_BITS
    return f"{IPv6Address(int(address) >> rest << rest)}/{NETWORK_BITS}"
