"""Which URLs may be told of events, and which addresses of the network they may lead to. Pure."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from pearshop.domain.webhook import MAX_URL
from pearshop.errors import Invalid

PORTS = {"http": 80, "https": 443}
URL = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")
"""No fragment, for nobody would be sent it; and nothing that two readers might read in two ways."""
NAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?")
NAT64 = IPv6Network("64:ff9b::/96")
"""Stands for the IPv4 address in its last 32 bits."""
SIX_TO_FOUR = IPv6Network("2002::/16")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a URL leads: to `target` (path and query) of a host's port."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host and port, as the `Host` header names them."""
        host = _bracketed(self.host)
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def by_way_of(self, ip: str) -> str:
        """Return the URL that leads there without a look at the host's name."""
        return f"{self.scheme}://{_bracketed(ip)}:{self.port}{self.target}"


def address_of(url: str) -> Address:
    """Return where a URL leads. Raises `Invalid` for one that may be no webhook's."""
    if not URL.fullmatch(url) or len(url) > MAX_URL:
        raise _invalid(
            f"write it in at most {MAX_URL:,} ASCII characters, without a fragment (#); others "
            "as %XX in the path and as xn-- in the host."
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _invalid("is no URL: write it like https://shop.example/events.") from None
    if parts.scheme not in PORTS or not (NAME.fullmatch(host) or _is_ipv6(host)):
        raise _invalid("must begin with https:// or http:// and a host's name.")
    if "@" in parts.netloc:
        raise _invalid("must hold no name and password: check the signature instead.")
    if port == 0:
        raise _invalid("port 0 is none.")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(parts.scheme, host, port or PORTS[parts.scheme], target)


def is_public(ip: str) -> bool:
    """Return whether an address is one of the whole internet's: not of this machine or network."""
    address = ip_address(ip.partition("%")[0])
    if isinstance(address, IPv6Address):
        if address in NAT64:
            return is_public(str(IPv4Address(int(address) & 0xFFFF_FFFF)))
        if address in SIX_TO_FOUR or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_ipv6(host: str) -> bool:
    try:
        return isinstance(ip_address(host), IPv6Address) and "%" not in host
    except ValueError:
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _invalid(problem: str) -> Invalid:
    return Invalid.of("url", problem)
