"""A catalogue of any size, the same every time: names in which some words are common, most rare."""

import io
import random
from collections.abc import Iterator
from itertools import accumulate

from sqlalchemy import Engine

SEED = 20261124
VOCABULARY = 2_000
CATEGORIES = 60
SERIES = 25
"""Products that share a rare word, like those of one maker."""
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
COLUMNS = ("sku", "name", "price", "image", "description", "category", "stock")


def made_word(number: int) -> str:
    """Return a pronounceable word, another one for each number below 343,000."""
    word = ""
    for _ in range(3):
        number, syllable = divmod(number * 7_919 + 13, len(SYLLABLES))
        word += SYLLABLES[syllable]
    return word


def names(count: int) -> list[str]:
    """Return the names of the first `count` products."""
    return [row[1] for row in _rows(count)]


def fill(engine: Engine, count: int) -> None:
    """Put `count` products into an empty catalogue, and let PostgreSQL take stock of them."""
    lines = io.StringIO("".join("\t".join(row) + "\n" for row in _rows(count)))
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.copy_from(lines, "products", columns=COLUMNS)
        # Staff change some now and then: an order by time is not the order of the ids.
        cursor.execute(
            "UPDATE products SET updated_at = updated_at - id % 1009 * interval '1 min'"
            " WHERE id % 3 = 0"
        )
        connection.commit()
    finally:
        connection.close()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as vacuuming:
        vacuuming.exec_driver_sql("SET statement_timeout = 0")
        vacuuming.exec_driver_sql("VACUUM ANALYZE products, search_words")


def _rows(count: int) -> Iterator[tuple[str, ...]]:
    chance = random.Random(SEED)
    words = [f"{made_word(each)}{SYLLABLES[each % 7]}" for each in range(VOCABULARY)]
    shares = list(accumulate(1 / (each + 10) for each in range(VOCABULARY)))
    for number in range(count):
        *name, one, other = chance.choices(words, cum_weights=shares, k=5)
        series = made_word(number // SERIES)
        yield (
            f"S{number:07d}",
            f"{' '.join(name)} {series}",
            str(chance.randint(50, 5_000)),
            "",
            f"A {one} from our {other} series {series}.",
            f"category {int(chance.random() ** 2 * CATEGORIES)}",
            chance.choice(("\\N", "0", "5", "100")),
        )
