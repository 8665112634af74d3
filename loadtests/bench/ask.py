"""Requests one by one, for counting and checking and not for timing."""

import asyncio
from collections.abc import Sequence

import aiohttp

from loadtests.bench.checks import Answer
from loadtests.bench.routes import Request

PATIENCE = aiohttp.ClientTimeout(total=30)


def ask(url: str, requests: Sequence[Request], connections: int) -> list[Answer]:
    """Send each request once, so many at a time; return the answers in the order of the requests.

    Raises `aiohttp.ClientError` or `TimeoutError` when one gets none.
    """
    try:
        return asyncio.run(_ask(url, requests, connections))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def _ask(url: str, requests: Sequence[Request], connections: int) -> list[Answer]:
    answers: list[Answer | None] = [None] * len(requests)
    waiting = iter(enumerate(requests))

    async def work(session: aiohttp.ClientSession) -> None:
        for number, each in waiting:
            headers = {"Authorization": f"Bearer {each.token}"} if each.token else {}
            if each.body:
                headers["Content-Type"] = "application/json"
            async with session.request(
                each.method, url + each.path, data=each.body or None, headers=headers
            ) as answer:
                answers[number] = Answer(answer.status, await answer.read())

    connector = aiohttp.TCPConnector(limit=connections)
    async with (
        aiohttp.ClientSession(connector=connector, timeout=PATIENCE) as session,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(connections):
            group.create_task(work(session))
    return [each for each in answers if each is not None]
