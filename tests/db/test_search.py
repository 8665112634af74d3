"""Search: what is found, what comes first, and what a slip of the finger leads to."""

import unicodedata

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from pearshop.db import catalogue, search
from pearshop.db import product as product_rows
from pearshop.db.listing import Listing
from pearshop.db.search import COMPLETIONS, HITS
from pearshop.db.words import corrected, folded, trigrams, words_of
from pearshop.domain.product import ProductDraft
from tests.db.conftest import Rows

SHELF = {
    "Crème brûlée torch": ("A flame for desserts", "KIT-07"),
    "Red running shoes": ("Light, for the road", "SH-1"),
    "Shoe rack": ("Holds twelve pairs", "R/22"),
    "Kettle": ("Boils water; runs on batteries", "pear"),
    "Pear": ("A fruit", "F1"),
    "Pear juice": ("Pressed pears, pear on pear", "F2"),
    "Children's chair": ("Of beech", None),
    "The Who poster": ("A2", None),
    "Brush": ("", "SH-10"),
    "Größenband": ("Zum Messen", None),
}


@pytest.fixture
def shelf(rows: Rows) -> Rows:
    for name, (description, sku) in SHELF.items():
        rows.run(product_rows.create, ProductDraft(name, 1, "", description, "", sku))
    return rows


def _found(rows: Rows, written: str, **wish: object) -> list[str]:
    listing = Listing(search=written, ordering="best", **wish)  # type: ignore[arg-type]
    return [each.name for each in rows.run(catalogue.page, listing).products]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("shoe", ["Shoe rack", "Red running shoes"]),
        ("shoes run", ["Red running shoes"]),
        ("RUNNING", ["Red running shoes", "Kettle"]),
        ("creme brulee", ["Crème brûlée torch"]),
        ("Crème", ["Crème brûlée torch"]),
        ("kit-07", ["Crème brûlée torch"]),
        ("sh-1", ["Red running shoes", "Brush"]),
        ("f1", ["Pear"]),
        ("desser", ["Crème brûlée torch"]),
        ("childrens", ["Children's chair"]),
        ("children\u2019s ch", ["Children's chair"]),
        ("the who", ["The Who poster"]),
        ("kettle the", ["Kettle"]),
        ("kettle rack", []),
        ("grossen", []),
        ("größen", ["Größenband"]),
        ("...", []),
        ("'); DROP TABLE products; --", []),
        ("a & b | !c <-> (d)", []),
        ("\\", []),
        ("%", []),
    ],
)
def test_words_find_what_they_mean(shelf: Rows, written: str, expected: list[str]) -> None:
    found = _found(shelf, written)
    assert found[: len(expected)] == expected
    assert bool(found) == bool(expected)


def test_the_same_sku_comes_first_then_the_same_name_then_the_better_match(shelf: Rows) -> None:
    assert _found(shelf, "pear") == ["Kettle", "Pear", "Pear juice"]


def test_pages_of_best_matches_follow_each_other(shelf: Rows) -> None:
    first = shelf.run(catalogue.page, Listing(search="pear", ordering="best", limit=2))
    rest = shelf.run(
        catalogue.page, Listing(search="pear", ordering="best", limit=2, after=first.after)
    )
    assert [each.name for each in [*first.products, *rest.products]] == _found(shelf, "pear")
    assert rest.after is None


def test_a_name_is_found_among_more_than_are_ranked(rows: Rows, engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO products (name, price) SELECT 'Lamp shade ' || i, 1"
                 " FROM generate_series(1, :n) AS i"),
            {"n": 2 * HITS},
        )  # fmt: skip
    rows.run(product_rows.create, ProductDraft("Lamp", 1))
    assert _found(rows, "lamp", limit=1) == ["Lamp"]
    assert rows.run(catalogue.total, Listing(search="lamp", ordering="price")) == 2 * HITS + 1


def test_a_beginning_that_many_words_have_still_finds_them(rows: Rows) -> None:
    for number in range(COMPLETIONS + 2):
        rows.run(product_rows.create, ProductDraft(f"Gadget{number}x", 1))
    assert len(_found(rows, "gadg")) == COMPLETIONS + 2


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("kettel", "kettle"),
        ("runing", "running"),
        ("chldren", "childrens"),
        ("shos", "shoe"),
        ("tosch", "torch"),
        ("pears", "pear"),
        ("peer", "pear"),
        ("xylophone", "xylophone"),
        ("who", "who"),
        ("kit 08", "kit 08"),
    ],
)
def test_a_slip_leads_to_the_nearest_word(shelf: Rows, written: str, meant: str) -> None:
    words = words_of(written)
    assert " ".join(corrected(words, shelf.run(search.near_words, words))) == meant


def test_words_of_changed_names_are_known(shelf: Rows) -> None:
    pear = next(each for each in shelf.run(catalogue.page, Listing()).products if each.sku == "F1")
    shelf.run(product_rows.change, pear.id, {"name": "Quince"})
    assert _found(shelf, "quin") == ["Quince"]
    assert corrected(["quinse"], shelf.run(search.near_words, ["quinse"])) == ["quince"]


SETTLED = st.characters(min_codepoint=1, max_codepoint=0xFFFF, codec="utf-8").filter(
    lambda each: unicodedata.ucd_3_2_0.category(each) != "Cn"
)
"""Old characters: PostgreSQL and Python need not know the same version of Unicode."""


@given(st.lists(st.text(SETTLED, max_size=60)))
@example(["\u0391\u03a3", "\u0130stanbul", "Stra\u00dfe", "\u1e9e", "\ufb01n", "\u01c5"])
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_database_folds_as_python_does(engine: Engine, texts: list[str]) -> None:
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT folded(t), btrim(in_words(t)) FROM unnest(CAST(:texts AS text[])) AS t"),
            {"texts": texts},
        ).all()
    assert [tuple(row) for row in rows] == [
        (folded(each), " ".join(words_of(each))) for each in texts
    ]


def test_a_name_comes_before_many_descriptions(rows: Rows) -> None:
    for number in range(HITS + 50):
        draft = ProductDraft(f"Bulb {number}", 1, "", "Fits any lamp", "", None)
        rows.run(product_rows.create, draft)
    rows.run(product_rows.create, ProductDraft("Desk lamp", 1, "", "", "", None))
    assert _found(rows, "lamp")[0] == "Desk lamp"


@pytest.mark.parametrize("word", ["pear", "cr\u00e8me", "a", "shoelaces", "\u03c3\u03c3\u03c3"])
def test_the_database_makes_trigrams_as_python_does(engine: Engine, word: str) -> None:
    with engine.connect() as connection:
        made = connection.execute(text("SELECT trigrams(:word)"), {"word": word}).scalar_one()
    assert set(made) == set(trigrams(word))
