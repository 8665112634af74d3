"""Bodies that are slow, stores that are away, more than a replica works on."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from pearshop.http import body
from pearshop.http.app import ANSWERS
from pearshop.http.dispatch import Dispatch
from pearshop.http.media import images as module
from pearshop.http.media.encoding import encode
from tests.http.media.conftest import PNG, UPLOAD, Front, Make


class TestTime:
    """A file may take its time to arrive; the rest of the request has what it always has."""

    HEADERS = ((b"content-type", b"multipart/form-data; boundary=x"),)
    FIRST = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    LAST = PNG + b"\r\n--x--\r\n"

    async def test_it_is_given_to_the_body_and_taken_back(self) -> None:
        now, allowed = asyncio.get_running_loop().time, 5.0
        left: list[float] = []

        async def keep(request: Request) -> Response:
            assert await body.read_file(request, "image") == PNG
            left.append(request.scope[body.TIME].when() - now())
            return Response()

        async def receive() -> Message:
            left.append(scope[body.TIME].when() - now())
            is_first = len(left) == 1
            return {
                "type": "http.request",
                "body": self.FIRST if is_first else self.LAST,
                "more_body": is_first,
            }

        async def send(_: Message) -> None: ...

        router = APIRouter()
        router.add_api_route(UPLOAD, keep, methods=["POST"])
        scope: dict[str, Any] = {
            "type": "http",
            "method": "POST",
            "path": UPLOAD,
            "headers": self.HEADERS,
        }
        await Dispatch(FastAPI(), [router], ANSWERS, allowed)(scope, receive, send)
        first, second, after = left
        assert body.FILE_S >= first > second > body.FILE_S - allowed > allowed
        assert after <= allowed

    async def test_but_not_for_ever(self, front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield self.FIRST
            await asyncio.Event().wait()

        monkeypatch.setattr(body, "FILE_S", 0.05)
        answer = await front.send(headers=dict(self.HEADERS), content=chunks())
        assert (answer.status_code, answer.json()["code"]) == (408, "slow_body")


class TestFaults:
    @pytest.fixture
    def media_url(self, tmp_path: Path) -> str:
        return str(tmp_path / "media")

    async def test_a_store_that_is_away_and_back(
        self, front: Front, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        place = tmp_path / "media"
        place.write_text("no folder")
        for _ in range(2):
            for answer in (
                await front.upload(PNG),
                await front.http.get("/api/media/" + "0" * 40 + "-large.webp"),
            ):
                assert answer.status_code == 503
                assert answer.headers["Retry-After"] == "1"
                assert answer.json()["safe_to_repeat"] is True
        assert caplog.text.count("The store of images fails") == 1
        place.unlink()
        assert (await front.upload(PNG)).status_code == 201

    @pytest.fixture
    def pipe(self, tmp_path: Path) -> Iterator[str]:
        """A file that nobody can read to its end, as on a file server that does not answer."""
        pipe = tmp_path / "media" / ("0" * 40 + "-large.webp")
        pipe.parent.mkdir()
        os.mkfifo(pipe)
        yield f"/api/media/{pipe.name}"
        end = os.open(pipe, os.O_RDWR)  # lets those go on who wait for a writer,
        pipe.unlink()
        os.close(end)  # and those who wait for more

    async def test_a_store_that_hangs_is_not_waited_for(
        self, front: Front, pipe: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "STORE_S", 0.05)
        for _ in range(2):
            answer = await front.http.get(pipe)
            assert answer.status_code == 503
            assert answer.json()["safe_to_repeat"] is True

    async def test_an_upload_that_takes_too_long_may_be_sent_again(self, make: Make) -> None:
        front, gate = make(request_timeout=0.05), threading.Event()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "encode", lambda _: gate.wait(60))
            answer = await front.upload(PNG)
        gate.set()
        assert answer.status_code == 503
        assert answer.json()["safe_to_repeat"] is True

    async def test_those_who_wait_for_it_are_few_and_uploads_go_on(
        self, front: Front, pipe: str
    ) -> None:
        under_way = [asyncio.create_task(front.http.get(pipe)) for _ in range(60)]
        refused = [each async for each in _done_first(under_way, 20)]
        assert {each.status_code for each in refused} == {503}
        assert {each.json()["safe_to_repeat"] for each in refused} == {True}
        assert (await front.upload(PNG)).status_code == 201
        for each in under_way:
            each.cancel()

    async def test_uploads_are_decoded_one_at_a_time_and_only_so_many_wait(
        self, front: Front, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate, at_once, most = threading.Event(), [0], [0]

        def slow(content: bytes) -> Any:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
            gate.wait(60)
            at_once[0] -= 1
            return encode(content)

        monkeypatch.setattr(module, "encode", slow)
        under_way = [asyncio.create_task(front.upload(PNG)) for _ in range(8)]
        refused = [each async for each in _done_first(under_way, 3)]
        assert {each.json()["safe_to_repeat"] for each in refused} == {True}
        assert {each.status_code for each in refused} == {503}
        gate.set()
        answers = await asyncio.gather(*under_way)
        assert sorted(each.status_code for each in answers) == [201] * 5 + [503] * 3
        assert most == [1]


async def _done_first(
    tasks: list["asyncio.Task[httpx.Response]"], count: int
) -> AsyncIterator[httpx.Response]:
    """Yield what the first `count` of the tasks that are done have been answered."""
    pending, seen = set(tasks), 0
    while seen < count:
        done, pending = await asyncio.wait(pending, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        assert done
        for each in done:
            seen += 1
            yield await each
