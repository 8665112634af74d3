"""Checked rows to the table of products, many in one statement.

SQL does the comparing, so that a row is changed only where it differs, and a stock that the file
does not give is never written: orders may be taking from it meanwhile.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final, NamedTuple

import orjson
from sqlalchemy import Connection, TextClause, text

from pearshop.catalogue.report import OutcomeName
from pearshop.catalogue.rows import COLUMNS, Row
from pearshop.db import audit
from pearshop.db.audit import Deed

LOCK_ID = 0x63617461
"""Advisory lock that lets one import store at a time: rows without a sku have no unique index."""

_ROWS: Final = """
jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    line bigint, sku text, name text, price bigint, image text, description text,
    category text, stock bigint, given text[]
)"""
_SAME_SKU: Final = "upper(p.sku) = upper(r.sku)"
_SAME_NAME: Final = """
p.sku IS NULL AND p.name = r.name AND NOT EXISTS (
    SELECT FROM products q
    WHERE q.sku IS NULL AND q.name = p.name AND (q.hidden, q.id) < (p.hidden, p.id)
)"""
_AFTER: Final = """
    COALESCE(r.sku, p.sku),
    r.name,
    r.price,
    CASE WHEN 'image' = ANY (r.given) THEN r.image ELSE p.image END,
    CASE WHEN 'description' = ANY (r.given) THEN r.description ELSE p.description END,
    CASE WHEN 'category' = ANY (r.given) THEN r.category ELSE p.category END,
    CASE WHEN 'stock' = ANY (r.given) THEN r.stock ELSE p.stock END
"""
_DIFFERS: Final = f"""
(p.sku, p.name, p.price, p.image, p.description, p.category, p.stock)
IS DISTINCT FROM ({_AFTER})"""


_COLUMNS: Final = ", ".join(f"p.{name}" for name in COLUMNS)


class Stored(NamedTuple):
    """What became of a row: the members that changed, before and after."""

    outcome: OutcomeName
    product_id: int | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


def _insert(match: str) -> TextClause:
    return text(f"""
        INSERT INTO products (sku, name, price, image, description, category, stock)
        SELECT sku, name, price, image, description, category, stock FROM {_ROWS}
        WHERE NOT EXISTS (SELECT FROM products p WHERE {match})
        ORDER BY line
        ON CONFLICT (upper(sku)) DO NOTHING
        RETURNING id, sku, name""")  # noqa: S608 - constants of this module only


def _lock(match: str) -> TextClause:
    return text(f"""
        SELECT r.line, p.id, {_COLUMNS}
        FROM products p JOIN {_ROWS} ON {match} WHERE {_DIFFERS}
        ORDER BY p.id FOR UPDATE OF p""")  # noqa: S608 - constants of this module only


def _update(match: str) -> TextClause:
    return text(f"""
        UPDATE products p
        SET (sku, name, price, image, description, category, stock) = ROW ({_AFTER}),
            updated_at = clock_timestamp()
        FROM {_ROWS}
        WHERE {match} AND {_DIFFERS}
        RETURNING r.line, p.id, {_COLUMNS}""")  # noqa: S608 - constants of this module only


_BY_SKU = (_insert(_SAME_SKU), _lock(_SAME_SKU), _update(_SAME_SKU))
_BY_NAME = (_insert(_SAME_NAME), _lock(_SAME_NAME), _update(_SAME_NAME))


def store(
    connection: Connection, rows: Sequence[Row], by: int | None = None, dry: bool = False
) -> dict[int, Stored]:
    """Store rows in the caller's transaction, by that user; return what became of each, by line.

    A `dry` run tells what would, and takes it all back.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": LOCK_ID})
    savepoint = connection.begin_nested()
    stored = {row.line: Stored("unchanged") for row in rows}
    stored |= _store_by(connection, _BY_SKU, [row for row in rows if row.draft.sku])
    stored |= _store_by(connection, _BY_NAME, [row for row in rows if not row.draft.sku])
    audit.record(connection, by, list(_deeds(stored.values())))
    if dry:
        savepoint.rollback()
    else:
        savepoint.commit()
    return stored


def _store_by(
    connection: Connection, statements: tuple[TextClause, ...], rows: Sequence[Row]
) -> dict[int, Stored]:
    if not rows:
        return {}
    insert, lock, update = statements
    values = {"rows": _json(rows)}
    by_key = {(row.draft.sku, row.draft.name): row for row in rows}
    stored: dict[int, Stored] = {}
    # New ones first: a product that someone else makes meanwhile is then there to be updated.
    for product_id, sku, name in connection.execute(insert, values).all():
        row = by_key[sku, name]
        stored[row.line] = Stored("taken", product_id, None, asdict(row.draft))
    # Orders lock products in id order; an update locks in any order it likes.
    if before := {row[:2]: row[2:] for row in connection.execute(lock, values)}:
        for line, product_id, *after in connection.execute(update, values):
            old = before[line, product_id]
            differing = [
                (name, was, now)
                for name, was, now in zip(COLUMNS, old, after, strict=True)
                if was != now
            ]
            stored[line] = Stored(
                "updated",
                product_id,
                {name: was for name, was, _ in differing},
                {name: now for name, _, now in differing},
            )
    return stored


def _deeds(stored: Iterable[Stored]) -> Iterator[Deed]:
    for each in stored:
        if each.outcome == "taken":
            yield Deed("product.created", each.product_id, None, each.after)
        elif each.outcome == "updated":
            yield Deed("product.changed", each.product_id, each.before, each.after)


def _json(rows: Sequence[Row]) -> str:
    members = ({**asdict(row.draft), "line": row.line, "given": list(row.given)} for row in rows)
    return orjson.dumps(list(members)).decode()
