"""Full-text search in the catalogue: what matches, and how well.

PostgreSQL's own full text: words of the name and the sku as they are written, and stems of name,
sku and description. The last word may be a beginning. A word that nothing has is looked up among
those of all names by its trigrams, in a table, for the embedded server ships no `pg_trgm`.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Subquery,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
    text,
    union,
)
from sqlalchemy.dialects.postgresql import REGCONFIG, TSQUERY

from pearshop.db.execute import read_only
from pearshop.db.tables import products, search_words
from pearshop.db.words import folded, trigram_pairs, words_of

HITS = 200
"""Products that a search by best match ranks: a word that thousands have is no wish for all.

So many of those whose name or sku matches, and so many of all; which ones, PostgreSQL chooses."""
MISSPELT = 3
"""Unknown words of a search that are looked up: each costs more the more words names have."""
NAMES: ColumnElement[Any] = literal_column("'{a,b}'")
COMPLETIONS = 32
"""Words that a beginning may stand for; a shorter beginning is searched for as such."""
NEAR = 60
"""Words that are looked at for one that may be misspelt."""
SAME_SKU, SAME_NAME, STARTS_SO = 100.0, 10.0, 1.0
"""What is added to a rank, which is itself below 1."""
WEIGHTS = "'{0.1, 0.2, 0.6, 1.0}'::real[]"
"""What a word counts: in the description, (unused), as a stem of name or sku, as written there."""
DAMPED = 1
"""`ts_rank`'s normalisation: a long text has more words that may match."""
ENGLISH, SIMPLE = (cast(literal_column(f"'{name}'"), REGCONFIG) for name in ("english", "simple"))
LAST_CHARACTER = chr(0x10FFFF)

NEAR_WORDS = text("""
WITH unknown AS (
    SELECT word FROM unnest(CAST(:words AS text[])) WITH ORDINALITY AS each(word, place)
    WHERE NOT EXISTS (SELECT FROM search_words s WHERE s.word = each.word)
    ORDER BY place
    LIMIT :misspelt
),
found AS (
    SELECT pair.word, s.word AS near,
        row_number() OVER (PARTITION BY pair.word ORDER BY count(*) DESC, s.word) AS place
    FROM unnest(CAST(:of AS text[]), CAST(:ones AS text[]), CAST(:others AS text[]))
        AS pair(word, one, other)
    JOIN search_words s ON s.trigrams @> ARRAY[pair.one, pair.other]
    WHERE pair.word IN (SELECT word FROM unknown)
      AND length(s.word) BETWEEN length(pair.word) - 2 AND length(pair.word) + 2
    GROUP BY pair.word, s.word
)
SELECT word, ARRAY(
    SELECT near FROM found WHERE found.word = unknown.word AND place <= :near ORDER BY place
)
FROM unknown
""")


@read_only
def near_words(connection: Connection, words: Sequence[str]) -> dict[str, list[str]]:
    """Return, for the first words that no name has, the words of names that look like them."""
    pairs = [(word, one, other) for word in set(words) for one, other in trigram_pairs(word)]
    of, ones, others = ([each[n] for each in pairs] for n in range(3))
    wish = {"words": list(words), "of": of, "ones": ones, "others": others}
    rows = connection.execute(NEAR_WORDS, {**wish, "near": NEAR, "misspelt": MISSPELT})
    return {word: list(near) for word, near in rows}


def completions(connection: Connection, beginning: str) -> list[str]:
    """Return the words of names and skus that begin so; none where there are too many to name."""
    word = search_words.c.word
    query = select(word).where(word >= beginning, word < beginning + LAST_CHARACTER)
    found = connection.execute(query.limit(COMPLETIONS + 1)).scalars().all()
    return list(found) if len(found) <= COMPLETIONS else []


def sought(written: str, ends: Sequence[str]) -> dict[str, str]:
    """Return the parameters of a search. `ends`: the words that its last one may stand for."""
    *words, last = words_of(written)
    # PostgreSQL collects all that a beginning stands for before it looks at the other words.
    end = " | ".join((last, *ends)) if ends else f"{last}:*"
    start = " & ".join(words)
    name, sku = folded(written)[:100], written.strip()
    return {"start": start, "last": last, "end": end, "name": name, "sku": sku}


def matching(several: bool) -> Any:
    """Return the `tsquery` of a search for one word, or for several.

    A last word that is too common to search for ("the") is left out where another one is not.
    """
    written: ColumnElement[Any] = bindparam("end")
    stem = func.to_tsquery(ENGLISH, written)
    end = _joined(stem, "||", func.to_tsquery(SIMPLE, written))
    if not several:
        return end
    start = func.to_tsquery(ENGLISH, bindparam("start"))
    common = func.numnode(func.to_tsquery(ENGLISH, bindparam("last"))) == 0
    return case((and_(common, func.numnode(start) != 0), start), else_=_joined(start, "&&", end))


def hits(query: ColumnElement[Any], conditions: Sequence[ColumnElement[bool]]) -> Subquery:
    """Return ids and ranks (`id`, `rank`) of what matches best, unsorted.

    Whatever has just that name or sku is among them, then up to `HITS` whose name or sku matches,
    and up to `HITS` of all that match.
    """
    name: ColumnElement[Any] = bindparam("name")
    same_name = products.c.name_key == name
    same_sku = func.upper(products.c.sku) == func.upper(bindparam("sku"))
    rank = (
        func.ts_rank(literal_column(WEIGHTS), products.c.search, query, DAMPED)
        + _bonus(same_sku, SAME_SKU)
        + _bonus(same_name, SAME_NAME)
        + _bonus(func.starts_with(products.c.name_key, name), STARTS_SO)
    ).label("rank")
    matches = [
        select(products.c.id, rank).where(*conditions, matches).limit(HITS)
        for matches in (
            func.ts_filter(products.c.search, NAMES).op("@@")(query),
            products.c.search.op("@@")(query),
            same_name,
            same_sku,
        )
    ]
    return union(*(each.subquery().select() for each in matches)).subquery("hits")


def _joined(one: ColumnElement[Any], operator: str, other: ColumnElement[Any]) -> Any:
    return one.op(operator, return_type=TSQUERY())(other)


def _bonus(condition: ColumnElement[bool], points: float) -> ColumnElement[float]:
    return case((condition, points), else_=0.0)
