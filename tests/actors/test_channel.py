"""Channels: calls between processes of one machine, here both ends in one."""

import asyncio
import os
import pickle
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pearshop.actors import channel as module
from pearshop.actors.channel import PREFIX, Broken, Channel, Listener
from pearshop.actors.neighbours import LOOK_S, Neighbours, listen

pytestmark = pytest.mark.skipif(not module.SUPPORTED, reason="abstract sockets are Linux's")


SERVER = """
import socket, sys, time
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind("\\0pearshop-" + sys.argv[1])
listener.listen()
print("listening", flush=True)
time.sleep(60)
"""
"""Listens under a name and answers nothing; ends by itself."""


class Handler:
    """Answers a message by itself, when `gate` is open; "bad" is a defect."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.asked: list[Any] = []

    async def __call__(self, message: Any) -> Any:
        self.asked.append(message)
        await self.gate.wait()
        if message == "bad":
            raise ValueError("not like this")
        return message


@pytest.fixture
def name() -> str:
    return f"test-{secrets.token_hex(8)}"


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
async def listener(name: str, handler: Handler) -> AsyncIterator[Listener]:
    listener = Listener(handler)
    await listener.listen(name)
    yield listener
    await listener.close()


async def _until_asked(handler: Handler, count: int) -> None:
    async with asyncio.timeout(10):
        while len(handler.asked) < count:
            await asyncio.sleep(0)


async def test_answers_come_to_whom_they_are_for(
    listener: Listener, name: str, handler: Handler
) -> None:
    channel = await Channel.open(name)
    sizes = [0, 1, 70_000, 3_000_000, 5]  # some in one piece, some in many
    answers = await asyncio.gather(*(channel.call(b"x" * size) for size in sizes))
    assert [len(answer) for answer in answers] == sizes
    assert channel.under_way == 0
    channel.close()


async def test_an_error_at_the_other_end_breaks_the_call_and_no_other(
    listener: Listener, name: str
) -> None:
    channel = await Channel.open(name)
    with pytest.raises(Broken, match="ValueError: not like this"):
        await channel.call("bad")
    assert await channel.call("good") == "good"
    channel.close()


async def test_what_was_under_way_is_broken_when_the_other_end_dies(
    listener: Listener, name: str, handler: Handler
) -> None:
    channel = await Channel.open(name)
    handler.gate.clear()
    answer = channel.call(1)
    await _until_asked(handler, 1)
    for asked in list(listener._asked):
        asked.close()  # as the kernel does when the process ends
    with pytest.raises(Broken):
        await answer
    assert not channel.is_open
    with pytest.raises(Broken):
        await channel.call(2)


async def test_a_listener_that_closes_answers_what_is_under_way(
    listener: Listener, name: str, handler: Handler
) -> None:
    channel = await Channel.open(name)
    handler.gate.clear()
    answer = channel.call(1)
    await _until_asked(handler, 1)
    closing = asyncio.create_task(listener.close())
    async with asyncio.timeout(10):
        while channel.is_open:
            await asyncio.sleep(0)
    with pytest.raises(ConnectionRefusedError):
        await Channel.open(name)
    handler.gate.set()
    assert await answer == 1
    await closing


async def test_a_call_sent_just_before_the_listener_closes_is_answered(
    listener: Listener, name: str
) -> None:
    channel = await Channel.open(name)
    await channel.call("connected")
    answers = [channel.call(b"x" * size) for size in (1, 5_000_000)]
    await listener.close()
    assert [len(await answer) for answer in answers] == [1, 5_000_000]


async def test_a_channel_is_silent_while_a_call_waits_for_its_answer(
    listener: Listener, name: str, handler: Handler
) -> None:
    channel = await Channel.open(name)
    assert channel.silent_for == 0
    handler.gate.clear()
    answer = channel.call(1)
    await _until_asked(handler, 1)
    before = channel.silent_for
    await asyncio.sleep(0.02)
    assert channel.silent_for > before > 0
    handler.gate.set()
    await answer
    assert channel.silent_for == 0
    channel.close()


async def test_a_caller_who_leaves_counts_as_under_way_until_the_answer(
    listener: Listener, name: str, handler: Handler
) -> None:
    channel = await Channel.open(name)
    handler.gate.clear()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(channel.call(1), 0.01)
    assert channel.under_way == 1
    handler.gate.set()
    assert await channel.call(2) == 2
    assert channel.under_way == 0
    channel.close()


async def test_nobody_else_is_called_and_nobody_else_is_let_in(
    listener: Listener, name: str, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: os.getuid() + 1)
    with pytest.raises(PermissionError):
        await Channel.open(name)
    intruder = socket.socket(socket.AF_UNIX)
    intruder.connect(PREFIX + name)
    intruder.setblocking(False)
    content = pickle.dumps("let me in")
    frame = module.HEADER.pack(len(content), 0, True) + content
    loop = asyncio.get_running_loop()
    ended = b"?"
    try:
        await loop.sock_sendall(intruder, frame)
        ended = await loop.sock_recv(intruder, 1)
    except OSError:
        ended = b""
    assert ended == b""
    assert handler.asked == []
    intruder.close()


async def test_a_name_has_one_listener(listener: Listener, name: str, handler: Handler) -> None:
    with pytest.raises(OSError, match="in use"):
        await Listener(handler).listen(name)


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_neighbour_who_is_silent_is_not_asked(
    name: str, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = await listen("Some", name, handler)
    neighbours = Neighbours("Some", name)
    channel = await neighbours.pick()
    assert channel is not None
    handler.gate.clear()
    answer = channel.call(1)
    await _until_asked(handler, 1)
    monkeypatch.setattr("pearshop.actors.neighbours.SILENT_S", 0.0)
    assert await neighbours.pick() is None
    handler.gate.set()
    await answer
    monkeypatch.undo()
    assert await neighbours.pick() is channel
    await listener.close()


async def test_of_the_neighbours_the_one_with_least_under_way_is_picked(name: str) -> None:
    one, two, clock = Handler(), Handler(), Clock()
    neighbours = Neighbours("Some", name, monotonic=clock)
    assert await neighbours.pick() is None
    first = await listen("Some", name, one)
    clock.now += LOOK_S
    channel = await neighbours.pick()
    assert channel is not None
    second = await listen("Some", name, two)
    clock.now += LOOK_S
    await neighbours.pick()  # looks for others meanwhile
    one.gate.clear()
    stuck = channel.call("stuck")
    async with asyncio.timeout(10):
        while (other := await neighbours.pick()) is channel:
            await asyncio.sleep(0)
    assert other is not None
    assert await other.call("well") == "well"
    assert two.asked == ["well"]
    one.gate.set()
    await stuck
    await first.close()
    async with asyncio.timeout(10):
        while not (picked := await neighbours.pick()) or picked is channel:
            await asyncio.sleep(0)
    assert picked is other
    await second.close()


async def test_a_process_that_hangs_is_killed_by_its_channel(name: str) -> None:
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, name, stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    assert await server.stdout.readline()
    channel = await Channel.open(name)
    server.send_signal(signal.SIGSTOP)
    call = channel.call("hello")
    channel.kill()
    channel.kill()
    with pytest.raises(Broken):
        await call
    assert await server.wait() == -signal.SIGKILL
