"""Write the catalogue as a file that an import takes back."""

import csv
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Literal, TextIO

from sqlalchemy import Engine, select

from pearshop.catalogue.rows import COLUMNS
from pearshop.db.product import COLUMNS as STORED
from pearshop.db.tables import products
from pearshop.domain.product import Product

Format = Literal["csv", "jsonl"]
PAGE = 1_000
Row = dict[str, str | int | None]


def export_products(engine: Engine, out: TextIO, fmt: Format, *, exponent: int) -> int:
    """Write every product on sale to `out`, in the order of their ids; return how many.

    Prices are in the currency's major unit with `exponent` decimals. Imported with the same
    exponent, the file changes nothing, save that an import refuses what it holds for no goods:
    free products, and a second one of the same name without a sku.
    """
    write = _csv_writer(out) if fmt == "csv" else _json_writer(out)
    count = 0
    for product in _on_sale(engine):
        write(cells(product, exponent))
        count += 1
    return count


def _csv_writer(out: TextIO) -> Callable[[Row], object]:
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    return writer.writerow


def _json_writer(out: TextIO) -> Callable[[Row], object]:
    return lambda row: out.write(json.dumps(row, ensure_ascii=False) + "\n")


def _on_sale(engine: Engine) -> Iterator[Product]:
    """Yield the products page by page, so that no transaction waits for a slow reader."""
    last = 0
    while True:
        query = select(*STORED).where(~products.c.hidden, products.c.id > last)
        with engine.connect() as connection:
            rows = connection.execute(query.order_by(products.c.id).limit(PAGE)).all()
        if not rows:
            return
        yield from (Product(*row) for row in rows)
        last = rows[-1].id


def cells(product: Product, exponent: int) -> Row:
    """Return what a file says of a product, by column; `exponent` decimals to its price. Pure."""
    price = f"{Decimal(product.price).scaleb(-exponent):f}"
    return {name: getattr(product, name) for name in COLUMNS} | {"price": price}
