"""The batcher."""

import asyncio
from contextvars import ContextVar

from pearshop.actors.batching import Batcher


class Recorder:
    """Keeps the batches it is given and holds each until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Semaphore(0)

    async def run(self, batch: list[int]) -> None:
        self.batches.append(batch)
        await self.gate.acquire()


async def _settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_idle_batcher_sends_at_once_and_a_busy_one_gathers() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.run, limit=10)
    batcher.put(1)
    await _settle()
    for item in (2, 3, 4):
        batcher.put(item)
    await _settle()
    assert recorder.batches == [[1]]
    recorder.gate.release()
    await _settle()
    assert recorder.batches == [[1], [2, 3, 4]]


async def test_a_batch_has_a_limit_and_order_is_kept() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.run, limit=2)
    for item in range(5):
        batcher.put(item)
    for _ in range(4):
        recorder.gate.release()
        await _settle()
    assert recorder.batches == [[0, 1], [2, 3], [4]]


async def test_no_more_batches_than_its_width_are_under_way() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.run, limit=1, width=2)
    for item in range(5):
        batcher.put(item)
    await _settle()
    assert len(recorder.batches) == 2
    assert len(batcher) == 3


async def test_it_works_again_after_a_pause() -> None:
    recorder = Recorder()
    batcher = Batcher(recorder.run, limit=10)
    for item in (1, 2):
        batcher.put(item)
        recorder.gate.release()
        await _settle()
    assert recorder.batches == [[1], [2]]


async def test_a_batch_runs_in_no_ones_context() -> None:
    """Serve cancels what a request started when its client leaves; batches belong to many."""
    request: ContextVar[str] = ContextVar("request", default="nobody's")
    seen: list[str] = []

    async def run(_: list[int]) -> None:
        seen.append(request.get())

    request.set("the first comer's")
    Batcher(run, limit=10).put(1)
    await _settle()
    assert seen == ["nobody's"]


async def test_a_batch_that_fails_does_not_stop_the_next() -> None:
    done: list[list[int]] = []

    async def run(batch: list[int]) -> None:
        done.append(batch)
        if batch == [1]:
            raise RuntimeError

    batcher = Batcher(run, limit=1)
    batcher.put(1)
    batcher.put(2)
    await _settle()
    assert done == [[1], [2]]
