"""Uploads and images over HTTP."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pearshop.db import audit
from pearshop.domain.image import thumbnail_of
from pearshop.domain.user import Role, User
from pearshop.settings import Settings
from tests.db.conftest import Rows
from tests.http.media.conftest import LIMIT, PNG, UPLOAD, Front, Make
from tests.http.media.pictures import WIDE, exif, picture, saved, shown


def _path(url: str) -> str:
    return httpx.URL(url).path


async def test_an_upload_is_shown_where_the_answer_says(front: Front) -> None:
    answer = await front.upload(saved(picture((2000, 1000)), "JPEG", exif=exif()))
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert told.keys() == {"image", "thumbnail", "width", "height"}
    assert (told["width"], told["height"]) == (1600, 800)
    assert re.fullmatch(r"http://localhost:8000/api/media/[0-9a-f]{40}-large\.webp", told["image"])
    assert thumbnail_of(told["image"]) == told["thumbnail"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    for url, size in ((told["image"], (1600, 800)), (told["thumbnail"], (320, 160))):
        found = await front.http.get(url)
        assert found.status_code == 200
        assert found.headers["Content-Type"] == "image/webp"
        assert found.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert found.headers["X-Content-Type-Options"] == "nosniff"
        assert shown(found.content).size == size
        assert not shown(found.content).getexif()


async def test_the_same_twice_is_one_and_known_by_its_tag(make: Make) -> None:
    one, other = make(), make()
    first, second = await one.upload(PNG), await other.upload(PNG, "other.jpg", "image/jpeg")
    assert first.json() == second.json()
    path = _path(first.json()["image"])
    found = await other.http.get(path)
    tag = found.headers["ETag"]
    assert (await one.http.get(path)).headers["ETag"] == tag
    for sent, status in ((tag, 304), (f"W/{tag}", 304), ("*", 304), ('"other"', 200)):
        known = await one.http.get(path, headers={"If-None-Match": sent})
        assert known.status_code == status
        assert known.headers["ETag"] == tag
        assert known.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert bool(known.content) is (status == 200)


async def test_head_is_answered_as_get_is(front: Front) -> None:
    path = _path((await front.upload(PNG)).json()["image"])
    head, found = await front.http.head(path), await front.http.get(path)
    assert (head.status_code, head.headers) == (200, found.headers)


async def test_an_upload_is_written_down(front: Front, rows: Rows, editor: User) -> None:
    told = (await front.upload(PNG)).json()
    [entry] = rows.run(audit.page, audit.Filter(), 10, None)
    assert (entry.action, entry.username, entry.subject_id) == ("image.uploaded", "editor", None)
    assert entry.after is not None
    assert told["image"].endswith(f"/{entry.after['name']}")
    assert (await front.upload(b"text")).status_code == 400
    assert len(rows.run(audit.page, audit.Filter(), 10, None)) == 1


@pytest.mark.parametrize("role", [Role.SHOPPER, Role.VIEWER])
async def test_it_takes_an_editor(front: Front, editor: User, role: Role) -> None:
    files = {"image": ("pear.png", PNG)}
    refused = await front.send(User(editor.id, "x", role), files=files)
    assert refused.status_code == 403
    assert (await front.http.post(UPLOAD, files=files)).status_code == 401
    assert (await front.send(User(editor.id, "x", Role.OWNER), files=files)).status_code == 201


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_what_it_is_called_counts_for_nothing(front: Front, kind: str) -> None:
    answer = await front.upload(saved(picture(), kind), "../../x.svg", "text/html")
    assert (answer.status_code, answer.json()["width"]) == (201, WIDE[0])


@pytest.mark.parametrize(
    "content",
    [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", PNG[:40], saved(picture(), "GIF")],
)
async def test_what_is_no_image_is_refused_by_its_field(front: Front, content: bytes) -> None:
    answer = await front.upload(content)
    assert answer.status_code == 400
    assert len(answer.json()["image"]) == 1


class TestForms:
    async def test_a_file_may_be_as_large_as_is_said_and_no_larger(self, front: Front) -> None:
        assert (await front.upload(PNG.ljust(LIMIT, b"\0"))).status_code == 201
        for more in (1, 100_000, 1_000_000):
            answer = await front.upload(PNG.ljust(LIMIT + more, b"\0"))
            assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
            assert "larger than" in answer.json()["detail"]

    async def test_one_of_unstated_length_neither(self, front: Front) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
            for _ in range(100):
                yield b"x" * 10_000

        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = await front.send(headers=headers, content=chunks())
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    async def test_other_bodies_stay_as_small_as_they_were(self, make: Make) -> None:
        front = make(max_body_bytes=10_000)
        answer = await front.http.post("/api/login/", json={"username": "x" * 20_000})
        assert answer.status_code == 413
        noise = saved(picture((100, 100)), "PNG").ljust(20_000, b"\0")
        assert (await front.upload(noise)).status_code == 201

    @pytest.mark.parametrize(
        ("sent", "says"),
        [
            ({"files": {"picture": ("a.png", PNG)}}, "required"),
            ({"files": {"image": (None, b"text")}}, "must be a file"),
            ({"files": [("image", ("a.png", PNG)), ("image", ("b.png", PNG))]}, "one file"),
        ],
    )
    async def test_a_form_without_the_one_file(
        self, front: Front, sent: dict[str, Any], says: str
    ) -> None:
        answer = await front.send(**sent)
        assert answer.status_code == 400
        assert says in answer.json()["image"][0]

    async def test_what_else_is_in_a_form_is_ignored(self, front: Front) -> None:
        files = {"image": ("a.png", PNG), "more": ("b.png", PNG)}
        assert (await front.send(files=files, data={"name": "Pear"})).status_code == 201

    @pytest.mark.parametrize(
        ("kind", "status"),
        [
            ("application/json", 415),
            ("image/png", 415),
            ("application/x-www-form-urlencoded", 415),
            ("multipart/form-data", 400),
            ("multipart/form-data; boundary=y", 400),
        ],
    )
    async def test_what_is_no_form(self, front: Front, kind: str, status: int) -> None:
        answer = await front.send(headers={"Content-Type": kind}, content=PNG)
        assert answer.status_code == status
        assert answer.json()["detail"]

    async def test_a_compressed_one_is_not_unpacked(self, front: Front) -> None:
        assert (await front.upload(PNG, headers={"Content-Encoding": "gzip"})).status_code == 415


class TestNames:
    @pytest.mark.parametrize(
        "path",
        [
            "/api" + path
            for path in (
                *("/media/", "/media", "/media/x", "/media/../etc/passwd", "/media/%2e%2e/secret"),
                *("/media/..%2Fsecret", "/media/%00", "/media/%0d%0aX:y", "/media/\u68a8"),
                *("/media/a/b", "/media/secret", "/media/.hidden", "/media/" + "x" * 3_000),
                *("/media/" + "0" * 40 + each for each in ("-large.webp", "-large.webp%0a")),
            )
        ],
    )
    async def test_others_are_not_there(self, front: Front, tmp_path: Path, path: str) -> None:
        (tmp_path / "secret").write_text("secret")
        for headers in ({}, {"If-None-Match": '"other"'}):
            answer = await front.http.get(path, headers=headers)
            assert answer.status_code == 404, path
            assert answer.json()["status"] == 404
            assert answer.headers["Cache-Control"] == "private, no-store"
        assert "ETag" not in answer.headers

    @pytest.mark.parametrize("path", ["/api/media/\u68a8", "/api/media/%0d%0aX:y", "/api/media/x"])
    async def test_nobody_is_told_that_they_have_one_of_them(self, front: Front, path: str) -> None:
        answer = await front.http.get(path, headers={"If-None-Match": "*"})
        assert answer.status_code == 404

    async def test_they_are_only_read(self, front: Front) -> None:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = await front.http.request(method, "/api/media/x")
            assert answer.status_code == 405
            assert answer.headers["Allow"] == "GET, HEAD"


class TestAddresses:
    @pytest.mark.parametrize(
        ("headers", "begins"),
        [
            ({}, "http://localhost:8000/api/media/"),
            ({"Host": "127.0.0.1"}, "http://127.0.0.1/api/media/"),
            ({"Host": "shop.example"}, "http://shop.example/api/media/"),
            (
                {"Host": "shop.example", "X-Forwarded-Proto": "https"},
                "https://shop.example/api/media/",
            ),
            ({"X-Forwarded-Proto": "javascript"}, "http://localhost:8000/api/media/"),
        ],
    )
    async def test_are_under_the_host_that_was_asked(
        self, make: Make, headers: dict[str, str], begins: str
    ) -> None:
        told = (await make(allowed_hosts="shop.example").upload(PNG, headers=headers)).json()
        assert told["image"].startswith(begins)
        assert told["thumbnail"].startswith(begins)

    @pytest.mark.parametrize("public", ["https://cdn.example/a", "https://cdn.example/a/"])
    async def test_or_under_the_public_one(self, make: Make, public: str) -> None:
        told = (await make(media_public_url=public).upload(PNG)).json()
        assert re.fullmatch(r"https://cdn\.example/a/[0-9a-f]{40}-large\.webp", told["image"])
        assert thumbnail_of(told["image"]) == told["thumbnail"]

    @pytest.mark.parametrize("public", ["cdn.example", "ftp://cdn.example", "https://", "/media"])
    def test_which_has_to_be_one(self, public: str) -> None:
        with pytest.raises(ValueError, match="is no URL"):
            Settings(media_public_url=public)
