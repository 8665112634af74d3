"""Images in the staff admin."""

import io

from PIL import Image
from playwright.sync_api import FilePayload, expect

from tests.e2e.admin.conftest import Desk
from tests.e2e.conftest import Shop


def picture(colour: str) -> FilePayload:
    """Return a photograph of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (800, 600), colour).save(out, "JPEG")
    return {"name": "pear.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def test_one_is_seen_uploaded_shown_and_replaced(desk: Desk, shop: Shop) -> None:
    product = shop.product(name="Pictured pear")
    path = f"/api/product/{product['id']}/"
    page = desk.page
    desk.open(f"/product/{product['id']}")
    seen = []
    for colour in ("green", "yellow"):
        page.get_by_label("Choose an image, or drop one here").set_input_files(picture(colour))
        expect(page.get_by_alt_text("The image you chose")).to_be_visible()
        assert desk.axe() == []
        desk.press("Upload and show it")
        desk.says("Pictured pear shows the new image.")
        shown = page.get_by_alt_text("The product's image")
        expect(shown).to_have_js_property("naturalWidth", 800)
        seen.append(shop.http.get(path).json()["image"])
    assert seen[0] != seen[1]
    assert all(each.startswith(shop.run["api_url"] + "/api/media/") for each in seen)
    desk.open("/product/?search=pictured+pear")
    thumbnail = page.locator(f"#product-{product['id']} img")
    expect(thumbnail).to_have_js_property("naturalWidth", 320)


def test_what_is_no_image_is_told(plain: Desk, shop: Shop) -> None:
    product = shop.product(name="Without picture")
    plain.open(f"/product/{product['id']}")
    wrong: FilePayload = {"name": "pear.jpg", "mimeType": "image/jpeg", "buffer": b"no image"}
    plain.page.get_by_label("Choose an image, or drop one here").set_input_files(wrong)
    plain.press("Upload and show it")
    plain.page.locator(".said.bad").wait_for()
    assert shop.http.get(f"/api/product/{product['id']}/").json()["image"] == ""
