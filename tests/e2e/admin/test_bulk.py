"""Several products at once in the staff admin."""

from playwright.sync_api import expect

from tests.e2e.admin.conftest import Desk
from tests.e2e.conftest import Shop


def test_chosen_ones_are_changed_after_a_preview(desk: Desk, shop: Shop) -> None:
    kind = "Bulk chosen"
    made = [shop.product(name=f"Bulk {each}", price=1000, category=kind) for each in "abc"]
    page = desk.page
    desk.open(f"/product/?category={kind}&sort=name")
    desk.press("Change them …")
    desk.says("Tick the products first")
    page.get_by_label("Choose Bulk a").check()
    page.get_by_label("Choose Bulk b").check()
    expect(page.locator(".tray [data-count]")).to_have_text("2 chosen")
    desk.press("Change them …")
    desk.press("Show what would change")
    expect(page.locator("#problems")).to_be_focused()
    page.get_by_label("Price, percent added").fill("a tenth")
    desk.press("Show what would change")
    expect(page.get_by_label("Price, percent added")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Price, percent added").fill("-10%")
    page.get_by_label("Stock").fill("7")
    page.get_by_label("Category", exact=True).fill("Bulk moved")
    desk.press("Show what would change")
    expect(page.get_by_role("heading", name="What would change")).to_be_focused()
    expect(page.locator(".diff").first).to_contain_text("NGN\u00a0900")
    assert desk.axe() == []
    paths = [f"/api/product/{each['id']}/" for each in made]
    assert shop.http.get(paths[0]).json()["price"] == 1000

    shop.staff.patch(paths[0], {"price": 2000})
    desk.press("Change 2 products")
    page.get_by_text("Somebody changed some of these products meanwhile").wait_for()
    expect(page.locator(".diff").first).to_contain_text("NGN\u00a01,800")
    desk.press("Change 2 products")
    desk.says("2 products are changed.")
    page.wait_for_url("**/admin/product/?category=Bulk+chosen&sort=name")
    now = [shop.http.get(path).json() for path in paths]
    assert [each["price"] for each in now] == [1800, 900, 1000]
    assert [each["stock"] for each in now][:2] == [7, 7]
    assert [each["category"] for each in now] == ["Bulk moved", "Bulk moved", kind]


def test_without_scripts_all_of_a_filter_are_hidden_and_put_on_sale_again(
    plain: Desk, shop: Shop
) -> None:
    kind = "Bulk all"
    made = [shop.product(name=f"All {each}", category=kind) for each in range(3)]
    page = plain.page
    path = f"/api/product/{made[0]['id']}/"
    for sale, name, status in (("", "Take off sale", 404), ("off", "Put on sale again", 200)):
        plain.open(f"/product/?category={kind}&sale={sale}")
        page.get_by_label("Which products to change").select_option("All that the filter finds")
        plain.press("Change them …")
        page.get_by_label("On sale").select_option(name)
        plain.press("Show what would change")
        page.get_by_text("3 of 3 products change.").wait_for()
        plain.press("Change 3 products")
        plain.says("3 products are changed.")
        assert shop.http.get(path).status_code == status
