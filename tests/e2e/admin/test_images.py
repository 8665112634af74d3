"""Images in the staff admin."""

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import FilePayload, Locator, expect

from tests.e2e.admin.conftest import Desk
from tests.e2e.conftest import Shop


def picture(colour: str) -> FilePayload:
    """Return a photograph of one colour."""
    out = io.BytesIO()
    Image.new("RGB", (800, 600), colour).save(out, "JPEG")
    return {"name": "pear.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def drop(desk: Desk, field: Locator, file: Path) -> None:
    """Drag a file from elsewhere onto a field, as a hand does with a mouse."""
    box = field.bounding_box()
    assert box is not None
    browser = desk.page.context.new_cdp_session(desk.page)
    dragged = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    for kind in ("dragEnter", "dragOver", "drop"):
        browser.send("Input.dispatchDragEvent", {"type": kind, **place, "data": dragged})


def test_a_new_product_comes_with_an_image_that_is_dropped(
    desk: Desk, shop: Shop, tmp_path: Path
) -> None:
    file = tmp_path / "pear.jpg"
    file.write_bytes(picture("green")["buffer"])
    page = desk.page
    desk.open("/product/new")
    page.get_by_label("Name").fill("Dropped pear")
    page.get_by_label("Price").fill("cheap")
    drop(desk, page.get_by_label("Choose an image, or drop one here"), file)
    expect(page.get_by_alt_text("The image you chose")).to_have_js_property("naturalWidth", 800)
    desk.press("Put on sale")
    # The price has to be mended; the image is there and need not be chosen again.
    expect(page.get_by_label("Price")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_alt_text("The product's image")).to_have_js_property("naturalWidth", 800)
    page.get_by_label("Price").fill("120")
    desk.press("Put on sale")
    desk.says("Dropped pear is on sale.")
    expect(page.get_by_alt_text("The product's image")).to_have_js_property("naturalWidth", 800)
    [made] = shop.http.get("/api/product/", params={"search": "dropped pear"}).json()
    assert made["image"].startswith(shop.run["api_url"])


def test_a_new_product_with_what_is_no_image_is_not_made(plain: Desk, shop: Shop) -> None:
    plain.open("/product/new")
    plain.page.get_by_label("Name").fill("Wrongly pictured")
    plain.page.get_by_label("Price").fill("120")
    wrong: FilePayload = {"name": "pear.jpg", "mimeType": "image/jpeg", "buffer": b"no image"}
    field = plain.page.get_by_label("Choose an image, or drop one here")
    field.set_input_files(wrong)
    plain.press("Put on sale")
    expect(field).to_have_attribute("aria-invalid", "true")
    plain.press("Put on sale")
    plain.says("Wrongly pictured is on sale.")


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
