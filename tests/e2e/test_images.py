"""Images of a real shop: sent by staff, shown to everybody."""

from typing import Any

import httpx

from pearshop.domain.image import thumbnail_of
from pearshop.settings import Settings
from tests.e2e.conftest import Caller, Shop
from tests.http.media.pictures import exif, picture, saved, shown

UPLOAD = "/api/image/"


def upload(caller: Caller, content: bytes, name: str = "pear.png") -> httpx.Response:
    """Send a file."""
    return caller.call("POST", UPLOAD, files={"image": (name, content)})


def test_a_product_shows_what_staff_sent(shop: Shop) -> None:
    photograph = saved(picture((2400, 1800)), "JPEG", exif=exif(orientation=6))
    sent = upload(shop.staff, photograph)
    assert sent.status_code == 201, sent.text
    told: dict[str, Any] = sent.json()
    assert (told["width"], told["height"]) == (1200, 1600)
    assert told["image"].startswith(f"{shop.run['api_url']}/api/media/")
    assert thumbnail_of(told["image"]) == told["thumbnail"]

    product = shop.product()
    path = f"/api/product/{product['id']}/"
    assert shop.staff.patch(path, {"image": told["image"]}).status_code == 200
    assert shop.staff.get(path).json()["image"] == told["image"]

    for url, size in ((told["image"], (1200, 1600)), (told["thumbnail"], (240, 320))):
        found = shop.visitor.get(url)
        assert found.status_code == 200
        assert found.headers["Content-Type"] == "image/webp"
        assert found.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert found.headers["X-Content-Type-Options"] == "nosniff"
        assert shown(found.content).size == size
        assert not shown(found.content).getexif()
        head = shop.visitor.call("HEAD", url)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == str(len(found.content))
        known = shop.visitor.get(url, headers={"If-None-Match": found.headers["ETag"]})
        assert known.status_code == 304

    # Each replica makes the same of it, and all keep it in one place.
    assert {upload(shop.staff, photograph, f"{n}.jpg").json()["image"] for n in range(4)} == {
        told["image"]
    }
    names = {told["image"].rpartition("/")[2], told["thumbnail"].rpartition("/")[2]}
    assert names <= {file.name for file in (shop.state / "media").iterdir()}

    latest = shop.staff.get("/api/audit/", params={"subject": "image", "limit": 1}).json()[0]
    assert (latest["action"], latest["user"]["username"]) == (
        "image.uploaded",
        shop.run["staff_username"],
    )
    assert latest["after"]["name"] in names


def test_what_is_refused(shop: Shop) -> None:
    content = saved(picture(), "PNG")
    assert upload(shop.shopper(), content).status_code == 403
    assert upload(shop.visitor, content).status_code == 401
    text = upload(shop.staff, b"<svg xmlns='http://www.w3.org/2000/svg'/>", "pear.png")
    assert text.status_code == 400
    assert "JPEG, PNG or WebP" in text.json()["image"][0]
    largest = Settings.model_fields["max_image_bytes"].default
    assert upload(shop.staff, content.ljust(largest, b"\0")).status_code == 201
    for more in (1, largest):
        refused = upload(shop.staff, content.ljust(largest + more, b"\0"))
        assert (refused.status_code, refused.json()["code"]) == (413, "too_large")
    unknown = shop.visitor.get(f"/api/media/{'0' * 40}-large.webp")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "image_unknown")
