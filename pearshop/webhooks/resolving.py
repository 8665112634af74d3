"""From a host's name to addresses that may be connected to."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor

from pearshop.errors import Invalid
from pearshop.webhooks.address import Address, is_public


class Resolver:
    """Looks names up. `private`: whether they may lead to this machine or into its network.

    `lookups` is how many can be under way: each holds a thread until the system gives it up.
    """

    def __init__(self, *, private: bool, lookups: int) -> None:
        self._private = private
        self._threads = ThreadPoolExecutor(lookups, "webhook-lookup")

    async def resolve(self, address: Address) -> list[str]:
        """Return the IP addresses of a host, of which there is at least one.

        Raises `Invalid` when there is none, or one that nobody may be sent to.
        """
        look = asyncio.get_running_loop().run_in_executor(
            self._threads, _look_up, address.host, address.port
        )
        try:
            found = await look
        except (OSError, UnicodeError):
            raise Invalid.of("url", f"the host {address.host} is not found.") from None
        if not self._private and (inside := [each for each in found if not is_public(each)]):
            raise Invalid.of(
                "url",
                f"the host {address.host} leads to {inside[0]}, which is no public address; "
                "PEARSHOP_WEBHOOK_PRIVATE_ADDRESSES=on allows such.",
                "private_address",
            )
        return found


def _look_up(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
