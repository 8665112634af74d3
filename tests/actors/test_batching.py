"""The batcher."""

import asyncio

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
