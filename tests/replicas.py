"""The `Api` replicas of a shop one by one: the ingress would have one answer for all of them."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from pearshop.launcher import haproxy
from pearshop.launcher.state import StateFolder


@contextmanager
def each_replica(state: Path, address: str = "127.0.0.1") -> Iterator[list[httpx.Client]]:
    """Yield a client of each replica of the shop in a state folder, for whoever has `address`."""
    [routes] = (StateFolder(state).runtime / "h").glob(f"*/{haproxy.ROUTES}")
    line = rf"(?m)^{haproxy.SERVER}_pearshop-Api\S+ (\S+)"
    found = re.findall(line, routes.read_text())
    assert len(found) > 1
    with ExitStack() as clients:
        yield [
            clients.enter_context(
                httpx.Client(
                    base_url=f"http://{each}", timeout=30, headers={haproxy.CLIENT: address}
                )
            )
            for each in found
        ]
