"""Where images are kept: a folder, and fsspec's own memory for all that is no folder."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from pearshop.errors import ConfigurationError
from pearshop.http.media.store import Store
from pearshop.settings import Settings


@pytest.fixture(params=["folder", "URL of a folder", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return {
        "folder": f"{tmp_path}/made/when needed/",
        "URL of a folder": f"file://{tmp_path}/made",
        "memory": f"memory://{uuid.uuid4().hex}/images",
    }[str(request.param)]


def test_what_is_put_there_is_there_for_everybody(url: str) -> None:
    Store(url).put([("a", b"one"), ("b", b"two")])
    assert [Store(url).get(name) for name in "abc"] == [b"one", b"two", None]


def test_the_same_again_is_the_same(url: str) -> None:
    store = Store(url)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store.put, [[("a", b"one" * 100_000)]] * 20))
    assert store.get("a") == b"one" * 100_000


def test_nothing_else_is_left_in_a_folder(tmp_path: Path) -> None:
    Store(str(tmp_path)).put([("a", b"one")])
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_a_file_is_there_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    store = Store(str(tmp_path))
    with pytest.raises(OSError, match="No space"):
        store.put([("a", b"one")])
    assert list(tmp_path.iterdir()) == []
    assert store.get("a") is None


@pytest.mark.parametrize("url", ["nothing://images", "gcs://images", "simplecache::nothing://x"])
def test_what_fsspec_does_not_know_is_refused_by_name(url: str) -> None:
    with pytest.raises(ConfigurationError, match="PEARSHOP_MEDIA_URL"):
        Store(url)


@pytest.mark.parametrize("place", ["media", "./media", "../media", "~/media"])
def test_a_relative_path_is_refused(place: str) -> None:
    with pytest.raises(ValidationError, match="whole path"):
        Settings(media_url=place)


@pytest.mark.parametrize("place", ["", "/media", "file:///media", "s3://bucket/media"])
def test_other_places_are_not(place: str) -> None:
    assert Settings(media_url=place).media_url == place
