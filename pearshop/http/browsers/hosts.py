"""The names that the shop may be asked by.

A page of another site can have its own name lead to the shop's address and read the answers as its
own (DNS rebinding); it cannot choose which name the browser sends. So a request for a name that is
not the shop's is refused. An address as such is no name, and nobody else's page has it.
"""

import socket
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address

ANY = "*"
REMEMBERED = 1024


class Hosts:
    """Tells the shop's own names, these besides `localhost`, addresses and this machine's name."""

    def __init__(self, names: Iterable[str]) -> None:
        exact = {*names, "localhost", socket.gethostname().lower()}
        endings = tuple(name.removeprefix(ANY) for name in exact if name.startswith("*."))

        @lru_cache(REMEMBERED)
        def is_ours(host: bytes) -> bool:
            name = _name_in(host.decode("latin-1"))
            return ANY in exact or name in exact or name.endswith(endings) or _is_ip(name)

        self._is_ours = is_ours

    def know(self, host: bytes) -> bool:
        """Return whether a `Host` header names the shop."""
        return len(host) <= 260 and self._is_ours(host)


def _name_in(host: str) -> str:
    """Return the name or address in a `Host` header, without its port."""
    if host.startswith("["):
        address, bracket, _ = host[1:].partition("]")
        return address if bracket else ""
    return host.partition(":")[0].lower().removesuffix(".")


def _is_ip(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
