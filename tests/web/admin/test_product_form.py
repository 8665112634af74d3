"""A product as staff type it, and two who typed at once."""

import pytest

from pearshop.web.admin import product_form
from pearshop.web.admin.crossing import Difference, changed, differences
from pearshop.web.admin.forms import Form
from pearshop.web.admin.money import Money

POUNDS = Money("GBP", 2)
GOOD = {
    "name": "Pear",
    "price": "2.50",
    "stock": "1,200",
    "sku": "P-1",
    "category": "Fruit",
    "image": "https://shop.example/pear.jpg",
    "description": "Sweet.",
}


def read(**texts: str) -> product_form.ProductForm:
    return product_form.read(Form(list((GOOD | texts).items())), POUNDS)


def test_texts_become_members() -> None:
    assert read().members == GOOD | {"price": 250, "stock": 1200}
    assert read(stock="", sku="").members == GOOD | {"price": 250, "stock": None, "sku": None}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("name", "", "Give the product a name."),
        ("name", "x" * 256, "256 characters; 255 are the most"),
        ("price", "", "Give a price, like 12.50."),
        ("price", "1.234", "at most 2 decimals"),
        ("stock", "-1", "whole number"),
        ("stock", "1.5", "whole number"),
        ("stock", "1000000001", "largest stock is 1,000,000,000"),
        ("sku", "x" * 65, "64 are the most"),
        ("image", "javascript:alert(1)", "whole address"),
        ("image", "pear.jpg", "whole address"),
        ("description", "x" * 20_001, "20,000 are the most"),
    ],
)
def test_mistakes_are_named_beside_their_field(name: str, text: str, says: str) -> None:
    form = read(**{name: text})
    assert list(form.problems) == [name]
    assert says in form.problems[name]
    assert form.texts[name] == text


def test_who_changed_what_decides_whose_is_proposed() -> None:
    before = {"name": "Pear", "price": "250", "category": "Fruit", "sku": "P-1"}
    mine = before | {"name": "My pear", "price": "260"}
    theirs = before | {"price": "240", "category": "Veg"}
    assert differences(before, mine, theirs) == [
        Difference("name", "My pear", "Pear", take_theirs=False),
        Difference("price", "260", "240", take_theirs=False),
        Difference("category", "Fruit", "Veg", take_theirs=True),
    ]
    assert changed(before, mine) == {"name", "price"}
    assert changed({}, mine) == set(mine)
