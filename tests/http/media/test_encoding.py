"""What becomes of an upload: pixels, and nothing else."""

import io

import pytest
from PIL import Image, ImageCms, PngImagePlugin

from pearshop.errors import Invalid
from pearshop.http.media import encoding
from pearshop.http.media.encoding import LARGE, MAX_PIXELS, MAX_SCANS, SMALL, encode
from tests.http.media.pictures import (
    BLUE,
    GPS,
    MAKER,
    RED,
    WIDE,
    exif,
    is_near,
    picture,
    png_head,
    saved,
    shown,
)

KINDS = ("JPEG", "PNG", "WEBP")


def _refusal(content: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        encode(content)
    assert refused.value.extra.keys() == {"image"}
    return refused.value.detail


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_taken_becomes_webp(kind: str) -> None:
    made = encode(saved(picture(), kind))
    assert (made.width, made.height) == WIDE
    for content in (made.large, made.small):
        image = shown(content)
        assert (image.format, image.mode, image.size) == ("WEBP", "RGB", WIDE)
        assert is_near(image.getpixel((5, 20)), RED)
        assert is_near(image.getpixel((55, 20)), BLUE)


def test_the_same_file_makes_the_same_image() -> None:
    content = saved(picture((2000, 1000)), "PNG")
    assert encode(content) == encode(content)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("size", "large", "small"),
    [
        ((3200, 1600), (1600, 800), (320, 160)),
        ((800, 2000), (640, 1600), (128, 320)),
        ((400, 400), (400, 400), (320, 320)),
        ((1, 1), (1, 1), (1, 1)),
        ((6000, 1), (1600, 1), (320, 1)),
    ],
)
def test_it_is_made_to_fit_and_never_larger(
    kind: str, size: tuple[int, int], large: tuple[int, int], small: tuple[int, int]
) -> None:
    made = encode(saved(Image.new("RGB", size, RED), kind))
    assert shown(made.large).size == (made.width, made.height) == large
    assert shown(made.small).size == small
    assert max(large) <= max(LARGE)
    assert max(small) <= max(SMALL)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO"])
def test_other_formats_are_not(kind: str) -> None:
    assert "JPEG, PNG or WebP" in _refusal(saved(picture(), kind))


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\0" * 100, b"pear", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7"),
        b"<script>alert(1)</script>",
        b"GIF89a" + b"<script>alert(1)</script>",
    ],
)
def test_text_is_no_image(content: bytes) -> None:
    assert "JPEG, PNG or WebP" in _refusal(content)


@pytest.mark.parametrize("head", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\0\0\0WEBPVP8 "])
def test_text_that_begins_as_an_image_is_none(head: bytes) -> None:
    assert _refusal(head + b"<script>alert(1)</script>" * 9)


def test_a_page_behind_an_image_is_left_behind() -> None:
    made = encode(saved(picture(), "PNG") + b"<script>alert(1)</script>")
    assert b"script" not in made.large + made.small


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_that_was_cut_off_is_refused(kind: str, share: float) -> None:
    whole = saved(Image.effect_noise((300, 300), 80).convert("RGB"), kind)
    assert _refusal(whole[: int(len(whole) * share)])


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_that_were_turned_over_are_an_image_or_refused(kind: str) -> None:
    whole = saved(picture((300, 300)), kind, exif=exif())
    for at in range(0, len(whole), max(1, len(whole) // 100)):
        broken = bytearray(whole)
        broken[at] ^= 0xFF
        try:
            made = encode(bytes(broken))
        except Invalid:
            continue
        assert shown(made.large).format == "WEBP"


class TestBombs:
    @pytest.mark.parametrize("size", [(50_000, 50_000), (2**31 - 1, 1), (10_000, 5_001)])
    def test_a_png_that_states_too_many_pixels(
        self, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(encoding, "_prepared", None)  # nothing is decoded
        assert "too many pixels" in _refusal(png_head(*size))

    def test_a_webp_that_states_too_many(self) -> None:
        """Its decoder makes room for all of them when it is made."""
        size = (16_383 - 1).to_bytes(3, "little") * 2
        body = b"WEBPVP8X" + (10).to_bytes(4, "little") + bytes(4) + size
        content = b"RIFF" + len(body).to_bytes(4, "little") + body
        assert "too many pixels" in _refusal(content)

    def test_a_jpeg_that_states_too_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(encoding, "_prepared", None)
        content = bytearray(saved(picture(), "JPEG"))
        at = content.index(b"\xff\xc0") + 5
        content[at : at + 4] = b"\xff\xdc\xff\xdc"
        assert "too many pixels" in _refusal(bytes(content))

    def test_as_many_as_are_allowed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert MAX_PIXELS >= 48_000_000  # of a telephone's camera
        monkeypatch.setattr(encoding, "MAX_PIXELS", 60 * 40)
        assert encode(saved(picture(), "PNG")).width == 60
        assert "too many pixels" in _refusal(saved(picture((61, 40)), "PNG"))

    def test_a_jpeg_of_endless_scans(self) -> None:
        """Each goes over all pixels, and takes a hundred bytes."""
        whole = saved(picture(), "JPEG", progressive=True)
        last = whole[whole.rfind(b"\xff\xda") : -2]
        assert whole.count(b"\xff\xda") < MAX_SCANS
        assert "scans" in _refusal(whole[:-2] + last * MAX_SCANS + whole[-2:])

    def test_text_that_unpacks_to_a_hundred_times_its_size(self) -> None:
        info = PngImagePlugin.PngInfo()
        info.add_text("Comment", "x" * 80_000_000, zip=True)
        content = saved(picture(), "PNG", pnginfo=info)
        assert len(content) < 1_000_000
        assert _refusal(content)


class TestMetadata:
    @pytest.mark.parametrize("kind", KINDS)
    def test_where_and_by_what_it_was_taken_is_gone(self, kind: str) -> None:
        content = saved(picture(), kind, exif=exif())
        assert shown(content).getexif().get_ifd(GPS)
        made = encode(content)
        for each in (made.large, made.small):
            image = shown(each)
            assert not image.getexif()
            assert not {"exif", "xmp", "icc_profile"} & image.info.keys()
            for sign in (b"EXIF", b"Exif", b"XMP ", b"ICCP", MAKER.encode()):
                assert sign not in each

    def test_so_are_texts(self) -> None:
        info = PngImagePlugin.PngInfo()
        info.add_text("Author", "Somebody")
        info.add_itxt("XML:com.adobe.xmp", "<x>Somebody</x>")
        made = encode(saved(picture(), "PNG", pnginfo=info))
        assert b"Somebody" not in made.large + made.small
        made = encode(saved(picture(), "JPEG", comment=b"Somebody"))
        assert b"Somebody" not in made.large + made.small

    def test_exif_that_cannot_be_read_is_no_hindrance(self) -> None:
        made = encode(saved(picture(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\xff\xff garbage"))
        assert (made.width, made.height) == WIDE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [WIDE, (2400, 1600)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_the_right_way_up(kind: str, size: tuple[int, int], orientation: int) -> None:
    upright = picture(size)
    turned = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    made = encode(saved(turned, kind, exif=exif(orientation)))
    for content in (made.large, made.small):
        image = shown(content)
        width, height = image.size
        assert abs(width - height * 3 / 2) <= 1
        assert is_near(image.getpixel((width // 8, height // 2)), RED)
        assert is_near(image.getpixel((width * 7 // 8, height // 2)), BLUE)
    assert made.width == min(size[0], 1600)


class TestColours:
    @pytest.mark.parametrize("kind", ["PNG", "WEBP"])
    def test_transparency_stays(self, kind: str) -> None:
        image = picture(mode="RGBA")
        image.putpixel((0, 0), (0, 0, 0, 0))
        image.paste((0, 200, 0, 128), (0, 20, 60, 40))
        made = encode(saved(image, kind, lossless=True))
        kept = shown(made.large)
        assert kept.mode == "RGBA"
        for at, alpha in (((10, 5), 255), ((10, 30), 128)):
            pixel = kept.getpixel(at)
            assert isinstance(pixel, tuple)
            assert abs(pixel[3] - alpha) <= 4
        assert shown(made.small).mode == "RGBA"

    @pytest.mark.parametrize("mode", ["P", "L", "RGB"])
    def test_so_does_a_colour_that_is_said_to_be_transparent(self, mode: str) -> None:
        image = picture().quantize(2) if mode == "P" else picture(mode=mode)
        red = image.getpixel((5, 20))
        kept = shown(encode(saved(image, "PNG", transparency=red)).large)
        assert kept.mode == "RGBA"
        assert [kept.getpixel((x, 20))[3] for x in (5, 55)] == [0, 255]  # type: ignore[index]

    @pytest.mark.parametrize("mode", ["L", "P", "LA", "I;16", "CMYK"])
    def test_every_mode_becomes_rgb_of_8_bits(self, mode: str) -> None:
        grey = Image.new("L", WIDE, 128)
        if mode == "I;16":
            grey = grey.convert("I").point(lambda value: value * 257)
        content = saved(grey.convert(mode), "JPEG" if mode == "CMYK" else "PNG")
        assert shown(content).mode == mode
        kept = shown(encode(content).large)
        assert kept.mode == "RGB"
        assert is_near(kept.getpixel((5, 20)), (128, 128, 128))

    def test_so_does_one_of_1_bit(self) -> None:
        kept = shown(encode(saved(picture(mode="L").point(lambda v: v > 50, "1"), "PNG")).large)
        assert [is_near(kept.getpixel((x, 20)), (255,) * 3) for x in (5, 55)] == [True, False]

    def test_another_colour_space_becomes_srgb(self) -> None:
        """A profile whose red and blue are the other way round tells whether it was looked at."""
        profile = _swapped()
        assert is_near(shown(encode(saved(picture(), "PNG")).large).getpixel((5, 20)), RED)
        for kind in KINDS:
            kept = shown(encode(saved(picture(), kind, icc_profile=profile)).large)
            pixel = kept.getpixel((5, 20))
            assert isinstance(pixel, tuple)
            assert pixel[2] > pixel[0] + 50, (kind, pixel)
            assert "icc_profile" not in kept.info

    @pytest.mark.parametrize("profile", [b"", b"garbage" * 50])
    def test_a_profile_that_is_none_is_no_hindrance(self, profile: bytes) -> None:
        made = encode(saved(picture(), "PNG", icc_profile=profile))
        assert is_near(shown(made.large).getpixel((5, 20)), RED)

    def test_one_for_another_mode_neither(self) -> None:
        made = encode(saved(picture(mode="L"), "PNG", icc_profile=_swapped()))
        assert shown(made.large).mode == "RGB"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_several_frames_the_first_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", WIDE, colour) for colour in (RED, BLUE, "white")]
    content = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=40)
    assert shown(content).n_frames == 3  # type: ignore[attr-defined]
    made = shown(encode(content).large)
    assert getattr(made, "n_frames", 1) == 1
    assert is_near(made.getpixel((5, 20)), RED)


def test_so_it_is_of_a_cameras_two_in_one() -> None:
    content = saved(picture(), "MPO", save_all=True, append_images=[Image.new("RGB", WIDE)])
    assert is_near(shown(encode(content).large).getpixel((5, 20)), RED)


def _swapped() -> bytes:
    """Return sRGB's profile with the primaries of red and blue swapped."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    head, tags = profile[:128], bytearray(profile[128:])
    for at in range(4, 4 + 12 * int.from_bytes(tags[:4]), 12):
        name = bytes(tags[at : at + 4])
        tags[at : at + 4] = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}.get(name, name)
    ImageCms.ImageCmsProfile(io.BytesIO(head + bytes(tags)))
    return head + bytes(tags)
