"""The file of a backup: a ZIP whose last member says what all others are.

`database.dump` is PostgreSQL's own format, `media/…` the images, and `manifest.json` comes last,
with a digest of each. So a file that was cut off has no manifest, and one that was changed has
another digest.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from pearshop.domain.image import is_name
from pearshop.errors import ConfigurationError

FORMAT = 1
DUMP = "database.dump"
MEDIA = "media/"
MANIFEST = "manifest.json"
CHUNK = 1 << 20
MAX_MANIFEST = 256 << 20


@dataclass(frozen=True)
class Manifest:
    """What a backup holds.

    `rows` are those of each table, `digests` the SHA-256 of each member, `media` tells whether
    images are in it; `server` is PostgreSQL's version number and `revision` the schema's.
    """

    format: int
    made_at: str
    release: str
    server: int
    revision: str
    rows: dict[str, int]
    media: bool
    digests: dict[str, str]

    @property
    def images(self) -> list[str]:
        """The names of the images."""
        return [each.removeprefix(MEDIA) for each in self.digests if each.startswith(MEDIA)]


class Writer:
    """Writes members one after the other, and what they are."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self.digests: dict[str, str] = {}

    def add(self, name: str, source: IO[bytes]) -> None:
        """Add all that `source` yields."""
        digest = hashlib.sha256()
        with self._file.open(name, "w", force_zip64=True) as member:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                member.write(chunk)
        self.digests[name] = digest.hexdigest()

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest. Nothing comes after it."""
        self._file.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Yield a writer of a new archive, which has its name when all of it is on the disk.

    Only its owner may read it. Raises `ConfigurationError` for a file that is there already, or a
    folder that is not.
    """
    if path.exists():
        raise ConfigurationError(f"{path} is there already: choose another name, or remove it.")
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        raw = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(raw, "wb") as out:
            with zipfile.ZipFile(out, "w", allowZip64=True) as file:
                yield Writer(file)
            out.flush()
            os.fsync(out.fileno())
        aside.rename(path)
        _sync(path.parent)
    except OSError as error:
        raise ConfigurationError(f"{path} could not be written: {error.strerror}.") from None
    finally:
        aside.unlink(missing_ok=True)


class Reader:
    """Reads an archive that was found to be whole."""

    def __init__(self, file: zipfile.ZipFile, manifest: Manifest) -> None:
        self._file = file
        self.manifest = manifest

    def open(self, name: str) -> IO[bytes]:
        """Return a member to be read."""
        return self._file.open(name)


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    """Yield a reader, once every byte has been read and found to be what was written.

    Raises `ConfigurationError` for a file that is no backup, is damaged, or is of newer code.
    """
    try:
        with zipfile.ZipFile(path) as file:
            manifest = _manifest(file, path)
            _check(file, manifest, path)
            yield Reader(file, manifest)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (zipfile.BadZipFile, EOFError):
        raise _damaged(path, "it is cut off, or no backup of PearShop at all") from None


def _manifest(file: zipfile.ZipFile, path: Path) -> Manifest:
    try:
        if file.getinfo(MANIFEST).file_size > MAX_MANIFEST:
            raise ValueError
        found = json.loads(file.read(MANIFEST))
        if found["format"] != FORMAT:
            raise ConfigurationError(
                f"{path} is of a format ({found['format']}) that this code does not know: restore "
                "it with the PearShop that made it."
            )
        return Manifest(**found)
    except (KeyError, TypeError, ValueError):
        raise _damaged(path, "its manifest is missing or not to be read") from None


def _check(file: zipfile.ZipFile, manifest: Manifest, path: Path) -> None:
    names = [each for each in file.namelist() if each != MANIFEST]
    if sorted(names) != sorted(manifest.digests) or DUMP not in names:
        raise _damaged(path, "it does not hold what its manifest says")
    for name in names:
        if name != DUMP and not (name.startswith(MEDIA) and is_name(name.removeprefix(MEDIA))):
            raise _damaged(path, f"{name!r} does not belong into it")
        digest = hashlib.sha256()
        with file.open(name) as member:
            while chunk := member.read(CHUNK):
                digest.update(chunk)
        if digest.hexdigest() != manifest.digests[name]:
            raise _damaged(path, f"{name} is not what was written")


def _damaged(path: Path, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path} is damaged: {why}. Nothing was changed; take another backup."
    )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
