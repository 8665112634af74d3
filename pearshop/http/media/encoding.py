"""From what somebody uploads to what the shop shows. Blocks, and takes a second for a large one.

Nothing of a file goes on but its pixels: they are turned the right way up, brought to sRGB with
8 bits, and encoded anew without a word of metadata.
"""

import contextlib
import io
from typing import NamedTuple

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from pearshop.errors import Invalid

FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 50_000_000
"""Of an upload: 200 MB in memory, and a second to decode."""
MAX_SCANS = 50
"""Of a progressive JPEG, each of which goes over all pixels; cameras and programs make ten."""
START_OF_SCAN = b"\xff\xda"
LARGE, SMALL = (1600, 1600), (320, 320)
"""What an image and its thumbnail have to fit into, in pixels. None is made larger."""
QUALITY = 82
SRGB = ImageCms.createProfile("sRGB")
PLAIN = frozenset({"L", "RGB", "RGBA", "CMYK"})
"""Modes that can be made smaller as they are, and that colour profiles are for."""


class Encoded(NamedTuple):
    """An image and its thumbnail as WebP; the image's size in pixels."""

    large: bytes
    small: bytes
    width: int
    height: int


def encode(content: bytes) -> Encoded:
    """Return a JPEG, PNG or WebP as the shop keeps it; of several frames, the first.

    Raises `Invalid` for what is none of them, is damaged, or would take too long.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check(image, content)
            large = _prepared(image)
    except UnidentifiedImageError:
        raise Invalid.of("image", "must be a JPEG, PNG or WebP; this file is none.") from None
    except Image.DecompressionBombError:
        raise _too_many_pixels() from None
    except Invalid:
        raise
    except Exception:  # Pillow's decoders raise nearly anything for bytes that make no sense
        raise Invalid.of("image", "is damaged or cut off: save it anew and try again.") from None
    small = large.copy()
    small.thumbnail(SMALL, Image.Resampling.LANCZOS)
    return Encoded(_webp(large), _webp(small), *large.size)


def _check(image: Image.Image, content: bytes) -> None:
    """Look at what the head of a file tells, before anything is decoded."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_many_pixels()
    if image.format not in {"PNG", "WEBP"} and content.count(START_OF_SCAN) > MAX_SCANS:
        raise Invalid.of("image", f"has more than {MAX_SCANS} scans: save it anew as a plain JPEG.")


def _too_many_pixels() -> Invalid:
    return Invalid.of("image", f"has too many pixels: make it smaller than {MAX_PIXELS:,} of them.")


def _prepared(image: Image.Image) -> Image.Image:
    """Return the pixels, no more than the shop keeps, upright and in sRGB."""
    mode = "RGBA" if image.has_transparency_data else "RGB"
    if image.mode == "I;16":  # converted as it is, all but the darkest would be white
        image = image.point(lambda value: value * (1 / 256)).convert("L")
    elif image.mode not in PLAIN or "transparency" in image.info:
        image = image.convert(mode)
    image.thumbnail(LARGE, Image.Resampling.LANCZOS)
    image.load()
    with contextlib.suppress(Exception):  # EXIF that cannot be read turns nothing
        ImageOps.exif_transpose(image, in_place=True)
    return _in_srgb(image, mode)


def _in_srgb(image: Image.Image, mode: str) -> Image.Image:
    """Return the image in sRGB; one whose profile does not fit counts as being so already."""
    profile = image.info.get("icc_profile")
    if profile:
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, SRGB, outputMode=mode)
            if converted is not None:
                return converted
    return image.convert(mode)


def _webp(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", quality=QUALITY)
    return out.getvalue()
