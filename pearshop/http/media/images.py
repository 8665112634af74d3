"""One replica's images: made and kept in threads, in bounded time, whatever holds them."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from starlette.datastructures import Headers
from starlette.types import Scope

from pearshop.domain.image import PATH, is_name, names_of
from pearshop.errors import NotFound, Unavailable
from pearshop.http.addresses import Addresses
from pearshop.http.media.encoding import encode
from pearshop.http.media.store import Store
from pearshop.http.workers import Workers
from pearshop.settings import Settings

R = TypeVar("R")
logger = logging.getLogger(__name__)

FOLDER = Path(".pearshop", "media")
"""In the home folder: where images are without `pearshop up` and without a setting."""
ENCODED_AT_ONCE = 1
"""Uploads that a replica decodes at a time: each may take 400 MB and a core."""
STORED_AT_ONCE = 8
STORE_S = 3.0
"""How long a store may take: what is left of a request's time has to do for the rest."""
AWAY = "The store of images cannot be reached."
BUSY = "Too many images are on their way."


class Image(NamedTuple):
    """What an image that is kept is called, and its thumbnail; the image's size in pixels."""

    name: str
    thumbnail: str
    width: int
    height: int


class Images:
    """Takes, keeps and returns images. Raises `ConfigurationError` for a store that is none."""

    def __init__(self, settings: Settings, addresses: Addresses) -> None:
        self.max_bytes = settings.max_image_bytes
        self._public = settings.media_public_url
        self._addresses = addresses
        self._store = Store(settings.media_url or str(Path.home() / FOLDER))
        self._encoders = Workers("encode", ENCODED_AT_ONCE, 4 * ENCODED_AT_ONCE, BUSY)
        # Apart, so that uploads that wait for a slow store keep nobody from looking.
        self._writers = Workers("store", STORED_AT_ONCE, STORED_AT_ONCE, BUSY)
        self._readers = Workers("load", STORED_AT_ONCE, 4 * STORED_AT_ONCE, BUSY)
        self._is_away = False

    async def keep(self, content: bytes) -> Image:
        """Keep an upload and its thumbnail. Raises `Invalid`, see `encode`, or `Unavailable`."""
        made = await self._encoders.run(encode, content)
        name, thumbnail = names_of(made.large, made.small)
        # The image last: where it is, its thumbnail is, too.
        files = [(thumbnail, made.small), (name, made.large)]
        await self._ask(self._writers, self._store.put, files)
        return Image(name, thumbnail, made.width, made.height)

    async def load(self, name: str) -> bytes:
        """Return an image or a thumbnail as WebP. Raises `NotFound` or `Unavailable`."""
        content = await self._ask(self._readers, self._store.get, check_name(name))
        if content is None:
            raise _unknown()
        return content

    def address(self, scope: Scope, name: str) -> str:
        """Return the URL of an image: under the public one, else under the host that was asked."""
        if self._public:
            return f"{self._public}/{name}"
        return f"{self._addresses.scheme(scope)}://{Headers(scope=scope)['host']}{PATH}{name}"

    async def _ask(self, workers: Workers, work: Callable[..., R], *args: object) -> R:
        try:
            async with asyncio.timeout(STORE_S):
                done = await workers.run(work, *args)
        except Unavailable:
            raise
        except Exception as error:  # a store of any kind, with errors of any kind
            if not self._is_away:
                logger.warning("The store of images fails: %s: %s", type(error).__name__, error)
            self._is_away = True
            raise Unavailable(AWAY) from None
        self._is_away = False
        return done


def check_name(name: str) -> str:
    """Return a name that an image may have. Raises `NotFound` for any other."""
    if not is_name(name):
        raise _unknown()
    return name


def _unknown() -> NotFound:
    return NotFound("There is no such image.", "image_unknown")
