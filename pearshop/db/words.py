"""What a shopper types, as words that the catalogue can be asked for.

`words_of` folds text as the functions `folded` and `in_words` of migration 0003 fold products: a
test holds the two to each other.
"""

import re
import unicodedata

from rapidfuzz.distance import OSA

MARKS = re.compile("['\u2019\u0300-\u036f]")
PUNCTUATION = re.compile(r"[\x01-/:-@\[-`{-\xa0\u2010-\u205e]+")


def folded(written: str) -> str:
    """Return text without accents, apostrophes and capitals; a final sigma is like any other."""
    bare = MARKS.sub("", unicodedata.normalize("NFKD", written))
    return bare.lower().replace("\u03c2", "\u03c3")


def words_of(written: str) -> list[str]:
    """Return the words of a search, folded, in order."""
    return [word for word in PUNCTUATION.split(folded(written)) if word]


def trigrams(word: str) -> list[str]:
    """Return the trigrams of a word, as the function of that name in migration 0003 makes them."""
    padded = f"  {word} "
    return [padded[at : at + 3] for at in range(len(word) + 1)]


def trigram_pairs(word: str) -> list[tuple[str, str]]:
    """Return the pairs of trigrams of which a word that looks like this one has at least one.

    They are neighbours, which few words share; a word of four letters has too few, and may share
    any one.
    """
    each = trigrams(word)
    return list(zip(each, each if len(word) <= 4 else each[1:], strict=False))


def corrected(words: list[str], near: dict[str, list[str]]) -> list[str]:
    """Return the words with each misspelt one replaced by the nearest of its `near` words.

    One slip (a letter more, less, wrong, or two swapped) is forgiven in four letters, two from
    seven on; optimal string alignment counts them. A word with nothing near it stays.
    """
    return [_nearest(word, near[word]) if word in near else word for word in words]


def _nearest(word: str, candidates: list[str]) -> str:
    slips = 1 if len(word) < 7 else 2
    scored = [(OSA.distance(word, each), each) for each in candidates]
    best = min(scored, default=(slips + 1, word))
    return best[1] if best[0] <= slips else word
