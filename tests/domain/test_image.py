"""What images are called."""

import pytest

from pearshop.domain.image import is_name, names_of, thumbnail_of

NAME, THUMBNAIL = names_of(b"large", b"small")


def test_a_name_is_that_of_the_content_both_sizes_of_it() -> None:
    assert names_of(b"large", b"small") == (NAME, THUMBNAIL)
    assert len({NAME, names_of(b"larger", b"small")[0], names_of(b"large", b"smaller")[0]}) == 3


def test_both_are_names_and_nothing_else_is() -> None:
    assert is_name(NAME)
    assert is_name(THUMBNAIL)
    for other in (
        *(
            "",
            ".",
            "..",
            f"../{NAME}",
            f"x/{NAME}",
            f"/{NAME}",
            f"{NAME}/",
            f"{NAME}\n",
            f" {NAME}",
        ),
        *(NAME.upper(), NAME[1:], f"0{NAME}", f"{NAME}\0", NAME.replace("webp", "svg"), ".webp"),
    ):
        assert not is_name(other), other


@pytest.mark.parametrize(
    "prefix",
    [
        *(
            "https://shop.example/api/media/",
            "http://127.0.0.1:8000/api/media/",
            "https://cdn.example/a/b/",
        ),
        *("/api/media/", ""),
    ],
)
def test_the_thumbnail_of_one_of_the_shops_own_is_beside_it(prefix: str) -> None:
    assert thumbnail_of(prefix + NAME) == prefix + THUMBNAIL


@pytest.mark.parametrize(
    "image",
    [
        *("", "https://elsewhere.example/pear.jpg", "https://elsewhere.example/a-large.webp"),
        *(
            f"https://shop.example/api/media/{THUMBNAIL}",
            f"https://shop.example/api/media/{NAME}?v=2",
        ),
        *(f"https://shop.example/api/media/x{NAME}", f"https://shop.example/api/media/{NAME}\n"),
    ],
)
def test_another_image_has_none(image: str) -> None:
    assert thumbnail_of(image) is None
