"""What the shop's own images are called: by their content, so that a name never changes. Pure."""

import hashlib
import re

PATH = "/api/media/"
"""Where the shop serves them."""
LARGE = "-large.webp"
SMALL = "-small.webp"
NAME = re.compile(rf"[0-9a-f]{{40}}(?:{LARGE}|{SMALL})")
OWN = re.compile(rf"(?:.*/)?[0-9a-f]{{40}}{LARGE}", re.DOTALL)


def names_of(large: bytes, small: bytes) -> tuple[str, str]:
    """Return what an image and its thumbnail are called that have this content."""
    digest = hashlib.blake2b(large, digest_size=20)
    digest.update(small)
    return digest.hexdigest() + LARGE, digest.hexdigest() + SMALL


def is_name(text: str) -> bool:
    """Return whether an image or a thumbnail may be called so."""
    return NAME.fullmatch(text) is not None


def thumbnail_of(image: str) -> str | None:
    """Return the address of an image's thumbnail, `None` where the shop has not made the image.

    Its own are told by what they are called, wherever they are served from.
    """
    if OWN.fullmatch(image) is None:
        return None
    return image.removesuffix(LARGE) + SMALL
