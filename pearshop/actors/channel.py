"""Calls between processes of one machine, over a Unix socket.

Ray places, names and restarts the processes; between those that share a machine, calls need not
travel through it. A call here costs a tenth of a millisecond, through Ray twenty times that (ADR
0016). Sockets have abstract names, which vanish with their process. Both ends look at who the
other one is, for messages are pickled: only the same user is let in.
"""

import asyncio
import contextlib
import itertools
import logging
import os
import pickle
import signal
import socket
import struct
import sys
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, cast

from pearshop.actors.batching import detached

logger = logging.getLogger(__name__)

HEADER = struct.Struct("<IQ?")
"""Bytes of the message, number of the call, whether it is what was asked for or an error's text."""
CREDENTIALS = struct.Struct("3i")
"""How the kernel tells process, user and group of the other end."""
PREFIX = "\0pearshop-"
SUPPORTED = sys.platform == "linux"
LEAVING = (1 << 64) - 1
"""Number of the message by which a listener that closes asks for no more calls."""
CLOSING_S = 5.0


class Broken(Exception):
    """The other end is gone, or could not carry the call out; nobody knows how far it came."""


class _Framed(asyncio.Protocol, ABC):
    """Cuts what arrives into messages."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        start = 0
        while len(received) - start >= HEADER.size:
            length, number, good = HEADER.unpack_from(received, start)
            end = start + HEADER.size + length
            if len(received) < end:
                break
            self._arrived(number, good, bytes(received[start + HEADER.size : end]))
            start = end
        del received[:start]

    def close(self) -> None:
        """Break the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _write(self, number: int, good: bool, content: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(HEADER.pack(len(content), number, good) + content)

    @abstractmethod
    def _arrived(self, number: int, good: bool, content: bytes) -> None:
        """Take a message."""


class Channel(_Framed):
    """The asking end. All methods run on the event loop that opened it."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count()
        self._waiting: dict[int, tuple[float, asyncio.Future[Any]]] = {}
        """When each call was sent, by the loop's clock, and its answer; the oldest first."""
        self._heard_at = 0.0
        self._process = 0
        self.is_open = True

    @classmethod
    async def open(cls, name: str) -> "Channel":
        """Connect to the listener of that name. Raises `OSError` when there is none of our own."""
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.setblocking(False)
        try:
            peer.connect(PREFIX + name)
            if not _is_own(peer):
                raise PermissionError(f"Another user listens as {name}.")
            _, channel = await asyncio.get_running_loop().create_unix_connection(cls, sock=peer)
            channel._process = _credentials(peer).process
        except OSError:
            peer.close()
            raise
        return channel

    @property
    def under_way(self) -> int:
        """How many calls the other end has not answered, those included that nobody waits for."""
        return len(self._waiting)

    @property
    def silent_for(self) -> float:
        """For how long (s) the other end has answered nothing, though a call waits for it."""
        if not self._waiting:
            return 0.0
        sent_at, _ = next(iter(self._waiting.values()))
        return asyncio.get_running_loop().time() - max(sent_at, self._heard_at)

    def call(self, message: Any) -> "asyncio.Future[Any]":
        """Send a message; return what will be its answer. Its failure is `Broken`."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        if not self.is_open:
            answer.set_exception(Broken("The channel is closed."))
            return answer
        number = next(self._numbers)
        self._write(number, True, pickle.dumps(message, pickle.HIGHEST_PROTOCOL))
        self._waiting[number] = loop.time(), answer
        return answer

    def kill(self) -> None:
        """Kill the process at the other end, if it is still there."""
        if self.is_open and self._process > 0:  # 0: it lives where processes have other numbers
            self.is_open = False
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)
        self.close()

    def retire(self) -> None:
        """Send no more calls, and end when those under way are answered."""
        self.is_open = False
        if not self._waiting:
            self.close()

    def connection_lost(self, error: Exception | None) -> None:  # noqa: D102 - asyncio's
        self.is_open = False
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Broken("The other end is gone."))
        self._waiting.clear()

    def _arrived(self, number: int, good: bool, content: bytes) -> None:
        if number == LEAVING:
            self.retire()
            return
        self._heard_at = asyncio.get_running_loop().time()
        _, answer = self._waiting.pop(number, (0.0, None))
        if answer is not None and not answer.done():
            _settle(answer, good, content)
        if not self.is_open:
            self.retire()


def _settle(answer: "asyncio.Future[Any]", good: bool, content: bytes) -> None:
    if not good:
        answer.set_exception(Broken(content.decode(errors="replace")))
        return
    try:
        answer.set_result(pickle.loads(content))  # noqa: S301 - from the same user's process
    except Exception as error:
        answer.set_exception(Broken(f"The answer cannot be read: {error}"))


class Listener:
    """The answering end: hands each message to `handle` and sends back what it returns."""

    def __init__(self, handle: Callable[[Any], Awaitable[Any]]) -> None:
        self._handle = handle
        self._server: asyncio.Server | None = None
        self._asked: set[_Asked] = set()

    async def listen(self, name: str) -> None:
        """Take connections under that name. Raises `OSError` when another process has it."""
        own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        own.setblocking(False)
        try:
            own.bind(PREFIX + name)
        except OSError:
            own.close()
            raise
        self._server = await asyncio.get_running_loop().create_unix_server(self._take, sock=own)

    async def close(self) -> None:
        """Ask for no more calls, answer what has been sent, and end when the callers have left."""
        if self._server is not None:
            self._server.close()
        for asked in self._asked:
            asked.leave()
        if ended := [asked.ended for asked in self._asked]:
            await asyncio.wait(ended, timeout=CLOSING_S)
        for asked in list(self._asked):
            asked.close()

    def _take(self) -> "_Asked":
        return _Asked(self._handle, self._asked)


class _Asked(_Framed):
    """One connection at the answering end."""

    def __init__(self, handle: Callable[[Any], Awaitable[Any]], all_of_them: "set[_Asked]") -> None:
        super().__init__()
        self._handle = handle
        self._all = all_of_them
        self._work: set[asyncio.Task[None]] = set()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if _is_own(transport.get_extra_info("socket")):
            self._all.add(self)
        else:
            self.close()

    def connection_lost(self, _: Exception | None) -> None:
        self._all.discard(self)
        self.ended.set_result(None)

    def leave(self) -> None:
        """Let the other end know that no more calls are taken."""
        self._write(LEAVING, True, b"")

    def _arrived(self, number: int, _: bool, content: bytes) -> None:
        task = detached(self._answer(number, content))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _answer(self, number: int, content: bytes) -> None:
        try:
            answer = await self._handle(pickle.loads(content))  # noqa: S301 - the same user's
            self._write(number, True, pickle.dumps(answer, pickle.HIGHEST_PROTOCOL))
        except Exception as error:
            logger.exception("A call over a channel failed.")
            self._write(number, False, f"{type(error).__name__}: {error}".encode())


class _Credentials(NamedTuple):
    process: int
    user: int
    group: int


def _credentials(peer: socket.socket) -> _Credentials:
    """Return who is, or listens, at the other end."""
    found = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    return _Credentials(*CREDENTIALS.unpack(found))


def _is_own(peer: socket.socket) -> bool:
    return _credentials(peer).user == os.geteuid()
