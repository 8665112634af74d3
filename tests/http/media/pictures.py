"""Files to upload."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

WIDE = (60, 40)
RED, BLUE = (200, 30, 30), (30, 30, 200)
GPS, MAKER = 0x8825, "A camera of somebody's"


def picture(size: tuple[int, int] = WIDE, mode: str = "RGB") -> Image.Image:
    """Return one that is red on its left and blue on its right."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image.convert(mode)


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return an image as a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif(orientation: int = 1) -> bytes:
    """Return what a telephone writes: which way it was held, who made it, and where it was."""
    told = Image.Exif()
    told[0x0112] = orientation
    told[0x010F] = MAKER
    told.get_ifd(GPS)[2] = (51.0, 30.0, 0.0)
    return told.tobytes()


def png_head(width: int, height: int) -> bytes:
    """Return a PNG that states this size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + body + chunk(b"IEND", b"")


def shown(content: bytes) -> Image.Image:
    """Return what a file shows, decoded."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def is_near(found: object, wanted: tuple[int, ...], by: int = 12) -> bool:
    """Return whether a pixel has about this colour: encoding is not exact."""
    assert isinstance(found, tuple)
    return all(abs(one - other) <= by for one, other in zip(found, wanted, strict=True))
