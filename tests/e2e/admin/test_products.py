"""Products in the staff admin."""

from playwright.sync_api import expect

from tests.e2e.admin.conftest import Desk, staff_of
from tests.e2e.conftest import PASSWORD, Shop


def names(desk: Desk) -> list[str]:
    """Return the names of the products in the list."""
    return desk.page.locator("tbody .thing a").all_inner_texts()


def test_they_are_searched_filtered_and_sorted(desk: Desk, shop: Shop) -> None:
    kind = "Sieves"
    for name, price, stock in (("Fine sieve", 900, 4), ("Wide sieve", 400, 0), ("Sieve", 700, 9)):
        shop.product(name=name, price=price, stock=stock, category=kind)
    desk.open("/product/")
    page = desk.page
    page.get_by_label("Search").fill("wide sieve")
    desk.press("Show")
    expect(page.locator("tbody .thing a")).to_have_text(["Wide sieve"])
    page.get_by_role("link", name="Clear").click()
    page.get_by_text("Filters").click()
    page.get_by_label("Category").select_option(kind)
    page.get_by_label("Price from").fill("500")
    page.get_by_label("Stock", exact=True).select_option("In stock")
    desk.press("Show")
    page.get_by_role("link", name="Price").click()
    expect(page.locator("tbody .thing a")).to_have_text(["Sieve", "Fine sieve"])
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Price")
    page.get_by_role("link", name="Price").click()
    expect(page.locator("tbody .thing a")).to_have_text(["Fine sieve", "Sieve"])
    page.get_by_label("Price from").fill("cheap")
    desk.press("Show")
    expect(page.get_by_label("Price from")).to_have_attribute("aria-invalid", "true")
    page.get_by_text("Write the price as a number").wait_for()


def test_pages_lead_on_and_back(desk: Desk, shop: Shop) -> None:
    for number in range(103):
        shop.product(name=f"Peg {number:03}", category="Pegs")
    desk.open("/product/?category=Pegs&sort=name")
    first = names(desk)
    assert len(first) == 50
    desk.page.get_by_role("link", name="Next").click()
    desk.page.wait_for_url("**cursor=**")
    second = names(desk)
    desk.page.get_by_role("link", name="Next").click()
    expect(desk.page.get_by_text("Page 3")).to_be_visible()
    assert first + second + names(desk) == [f"Peg {number:03}" for number in range(103)]
    desk.page.get_by_role("link", name="Previous").click()
    expect(desk.page.get_by_text("Page 2")).to_be_visible()
    assert names(desk) == second
    desk.page.get_by_role("link", name="Previous").click()
    expect(desk.page.get_by_text("Page 1")).to_be_visible()
    assert names(desk) == first


def test_one_is_made_with_mistakes_named_beside_their_fields(desk: Desk, shop: Shop) -> None:
    taken = shop.product(sku="TAKEN-1")
    desk.open("/product/new")
    page = desk.page
    page.get_by_label("Name").fill("Quince")
    page.get_by_label("Price").fill("12.50")
    page.get_by_label("Stock").fill("lots")
    page.get_by_label("SKU").fill("taken-1")
    desk.press("Put on sale")
    expect(page.locator("#problems")).to_be_focused()
    page.locator("#problems a", has_text="Stock").click()
    expect(page.get_by_label("Stock")).to_be_focused()
    expect(page.get_by_label("Price")).to_have_accessible_description(
        "Like 1250. Prices in NGN have no decimals, like 1250."
    )
    assert page.title().startswith("Error: ")
    assert desk.axe() == []
    page.get_by_label("Price").fill("1,250")
    page.get_by_label("Stock").fill("12")
    desk.press("Put on sale")
    expect(page.get_by_label("SKU")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("SKU").fill("")
    desk.press("Put on sale")
    desk.says("Quince is on sale.")
    made = shop.http.get("/api/product/", params={"search": "quince"}).json()
    assert [(each["price"], each["stock"]) for each in made] == [(1250, 12)]
    assert shop.http.get(f"/api/product/{taken['id']}/").json()["name"] == "Pear"


def test_one_is_edited_hidden_and_restored(desk: Desk, shop: Shop) -> None:
    product = shop.product(name="Medlar", description="Eaten when soft.")
    path = f"/api/product/{product['id']}/"
    desk.open(f"/product/{product['id']}")
    page = desk.page
    page.get_by_label("Category").fill("Fruit")
    page.get_by_label("Description").fill("Two lines:\nof text.")
    desk.press("Save")
    desk.says("Medlar is saved.")
    changed = shop.http.get(path).json()
    assert (changed["category"], changed["description"]) == ("Fruit", "Two lines:\nof text.")
    page.get_by_text("Take off sale …").click()
    desk.press("Take off sale")
    desk.says("Medlar is off sale")
    assert shop.http.get(path).status_code == 404
    expect(page.get_by_label("Name")).to_be_disabled()
    desk.open("/product/?sale=off&search=medlar")
    page.get_by_role("link", name="Medlar").click()
    desk.press("Put on sale again")
    desk.says("Medlar is on sale again.")
    assert shop.http.get(path).status_code == 200


def test_who_saves_second_sees_both_versions(desk: Desk, shop: Shop) -> None:
    product = shop.product(name="Plum", price=300, category="Fruit")
    desk.open(f"/product/{product['id']}")
    page = desk.page
    page.get_by_label("Name").fill("Damson")
    page.get_by_label("Price").fill("350")
    shop.staff.patch(f"/api/product/{product['id']}/", {"price": 280, "category": "Stone fruit"})
    desk.press("Save")
    page.get_by_role("heading", name="Somebody else saved Plum first").wait_for()
    page.get_by_text("staff changed it last").wait_for()
    expect(page.locator(".said")).to_contain_text(". Choose for each field")
    assert desk.axe() == []
    price = page.get_by_role("group", name="Price")
    expect(price.get_by_label("Yours 350")).to_be_checked()
    expect(price.get_by_label("Theirs, as it is now 280")).not_to_be_checked()
    kind = page.get_by_role("group", name="Category")
    expect(kind.get_by_label("Theirs, as it is now Stone fruit")).to_be_checked()
    price.get_by_label("Theirs, as it is now 280").check()
    desk.press("Save these")
    desk.says("Damson is saved.")
    now = shop.http.get(f"/api/product/{product['id']}/").json()
    assert (now["name"], now["price"], now["category"]) == ("Damson", 280, "Stone fruit")


def test_who_saves_after_it_was_hidden_is_told(desk: Desk, shop: Shop) -> None:
    product = shop.product(name="Sloe")
    desk.open(f"/product/{product['id']}")
    desk.page.get_by_label("Name").fill("Blackthorn")
    shop.staff.delete(f"/api/product/{product['id']}/")
    desk.press("Save")
    desk.page.get_by_text("off sale", exact=True).first.wait_for()


def test_price_and_stock_are_set_in_the_list(desk: Desk, shop: Shop) -> None:
    product = shop.product(name="Rowan berry", price=100, stock=10)
    path = f"/api/product/{product['id']}/"
    desk.open("/product/?search=rowan")
    page = desk.page
    row = page.locator(f"#product-{product['id']}")
    expect(row.get_by_role("button", name="Save Rowan berry")).to_be_hidden()
    row.get_by_label("Price of Rowan berry").fill("120")
    page.keyboard.press("Enter")
    expect(page.locator("#live")).to_have_text("Rowan berry: price NGN\u00a0120, stock 10. Saved.")
    expect(row.get_by_label("Price of Rowan berry")).to_be_focused()
    row.get_by_label("Stock of Rowan berry").fill("")
    row.get_by_role("button", name="Save Rowan berry").click()
    expect(row).to_have_attribute(
        "data-said", "Rowan berry: price NGN\u00a0120, stock not counted. Saved."
    )
    now = shop.http.get(path).json()
    assert (now["price"], now["stock"]) == (120, None)

    row.get_by_label("Price of Rowan berry").fill("free")
    page.keyboard.press("Enter")
    row.get_by_text("Write the price as a number").wait_for()
    expect(row.get_by_label("Price of Rowan berry")).to_be_focused()
    assert desk.axe() == []

    shop.staff.patch(path, {"price": 90})
    row.get_by_label("Price of Rowan berry").fill("130")
    page.keyboard.press("Enter")
    row.get_by_text("Meanwhile the price became 90. Yours is 130").wait_for()
    assert shop.http.get(path).json()["price"] == 90
    page.keyboard.press("Enter")
    expect(row).to_have_attribute("class", "fresh")
    assert shop.http.get(path).json()["price"] == 130


def test_a_row_that_cannot_be_saved_says_so(desk: Desk, shop: Shop) -> None:
    product = shop.product(name="Service tree", price=100)
    desk.open("/product/?search=service+tree")
    page = desk.page
    page.context.set_offline(True)
    page.get_by_label("Price of Service tree").fill("120")
    page.keyboard.press("Enter")
    page.locator(".problem", has_text="Not saved: the shop could not be reached").wait_for()
    page.context.set_offline(False)
    desk.faults.clear()  # the browser's word on being offline
    page.keyboard.press("Enter")
    expect(page.locator(f"#product-{product['id']}")).to_have_attribute("class", "fresh")


def test_what_a_viewer_cannot_do_is_not_offered(visitor: Desk, shop: Shop) -> None:
    product = shop.product(name="Seen alone")
    caller = staff_of(shop, "viewer")
    visitor.open(f"/product/{product['id']}")
    visitor.sign_in(caller.username, PASSWORD)
    expect(visitor.page.get_by_label("Name")).to_be_disabled()
    expect(visitor.page.get_by_role("button", name="Save")).to_have_count(0)
    visitor.open("/product/?search=seen+alone")
    expect(visitor.page.locator("tbody input")).to_have_count(0)
    refused = visitor.page.request.post(f"{visitor.root}/product/{product['id']}/hide")
    assert refused.status == 403
    assert "Your role is viewer" in refused.text()
    assert shop.http.get(f"/api/product/{product['id']}/").status_code == 200


def test_an_empty_answer_says_what_to_do(desk: Desk) -> None:
    desk.open("/product/?search=zzzzqqqq")
    desk.page.get_by_text("No product fits.").wait_for()
    desk.page.get_by_role("link", name="clear the filters").click()
    desk.page.wait_for_url("**/admin/product/")


def test_without_scripts_it_works_as_well(plain: Desk, shop: Shop) -> None:
    product = shop.product(name="Hawthorn", price=100)
    plain.open("/product/?search=hawthorn")
    plain.page.get_by_label("Price of Hawthorn").fill("140")
    plain.press("Save Hawthorn")
    plain.says("Hawthorn: price NGN\u00a0140")
    plain.page.wait_for_url("**/admin/product/?search=hawthorn")
    plain.page.get_by_role("link", name="Hawthorn").click()
    plain.page.get_by_label("Name").fill("May tree")
    plain.press("Save")
    plain.says("May tree is saved.")
    now = shop.http.get(f"/api/product/{product['id']}/").json()
    assert (now["name"], now["price"]) == ("May tree", 140)
