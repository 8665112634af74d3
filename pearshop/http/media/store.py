"""Where images are kept: a folder, or whatever else fsspec knows by a URL. Blocks."""

import os
import uuid
from collections.abc import Iterable
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from pearshop.errors import ConfigurationError


class Store:
    """Files by name. Whatever a file system that is away raises, its methods raise.

    Raises `ConfigurationError` for a URL that fsspec, as it is installed, does not know.
    """

    def __init__(self, url: str) -> None:
        try:
            self._files, root = fsspec.core.url_to_fs(url)
        except Exception as error:  # an unknown protocol, a missing package, a wrong option
            raise ConfigurationError(f"PEARSHOP_MEDIA_URL cannot be used: {error}") from None
        self._root = root.rstrip("/")

    def put(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Keep files, each whole or not at all, in this order. Safe to repeat."""
        for name, content in files:
            if isinstance(self._files, LocalFileSystem):
                _write(Path(self._root, name), content)
            else:  # object stores take an object whole or not at all by themselves
                self._files.pipe_file(f"{self._root}/{name}", content)

    def get(self, name: str) -> bytes | None:
        """Return a file, `None` where there is none of that name."""
        try:
            content: bytes = self._files.cat_file(f"{self._root}/{name}")
        except FileNotFoundError:
            return None
        return content


def _write(file: Path, content: bytes) -> None:
    """Write a file aside, and give it its name when all of it is on the disk."""
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{uuid.uuid4().hex}")
    try:
        with aside.open("xb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        aside.replace(file)
    finally:
        aside.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
