"""The replicas of a deployment on this machine, found by their numbers."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

from pearshop.actors.batching import detached
from pearshop.actors.channel import SUPPORTED, Channel, Listener

PLACES = 8
"""Replicas of a deployment on one machine that can be reached directly."""
LOOK_S = 2.0
"""How often new ones are looked for."""
SILENT_S = 1.0
"""Who has answered nothing for so long is asked no more until it does: it may be paused."""


async def listen(deployment: str, node: str, handle: Callable[[Any], Awaitable[Any]]) -> Listener:
    """Be one of a deployment's replicas on a node: answer calls under the first free number.

    Where there is none, or no node, the listener hears nothing, and callers go through Ray Serve.
    """
    listener = Listener(handle)
    for place in _places(node):
        with contextlib.suppress(OSError):
            await listener.listen(_name(deployment, node, place))
            break
    return listener


class Neighbours:
    """Channels to the replicas of one deployment on this node."""

    def __init__(
        self, deployment: str, node: str, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._deployment = deployment
        self._node = node
        self._monotonic = monotonic
        self._channels: dict[int, Channel] = {}
        self._looked_at = -LOOK_S
        self._looking: asyncio.Task[None] | None = None

    async def pick(self) -> Channel | None:
        """Return the channel with the least under way; `None` when nobody is there who answers."""
        open_ones = [channel for channel in self._channels.values() if channel.is_open]
        if len(open_ones) < len(self._channels) or self._monotonic() - self._looked_at >= LOOK_S:
            looking = self._look()
            if not open_ones:
                await asyncio.shield(looking)
                open_ones = [channel for channel in self._channels.values() if channel.is_open]
        well = [channel for channel in open_ones if channel.silent_for < SILENT_S]
        return min(well, key=lambda channel: channel.under_way, default=None)

    def _look(self) -> "asyncio.Task[None]":
        """Connect to whom there is no channel yet; once for all who ask meanwhile."""
        if self._looking is None or self._looking.done():
            self._looked_at = self._monotonic()
            self._channels = {
                place: channel for place, channel in self._channels.items() if channel.is_open
            }
            self._looking = detached(self._connect())
        return self._looking

    async def _connect(self) -> None:
        for place in _places(self._node):
            if place not in self._channels:
                with contextlib.suppress(OSError):
                    name = _name(self._deployment, self._node, place)
                    self._channels[place] = await Channel.open(name)


def _places(node: str) -> range:
    return range(PLACES if SUPPORTED and node else 0)


def _name(deployment: str, node: str, place: int) -> str:
    return f"{node}-{deployment}-{place}"
