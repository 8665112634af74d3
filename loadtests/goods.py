"""The goods that a replay needs: the real catalogue, and a counted stock of every product."""

from collections import Counter
from pathlib import Path

from sqlalchemy import Engine, text

from pearshop.catalogue.importing import Progress, import_products, shop_exponent

PENCE = 2
"""Decimals of the prices in the file, which a shop without decimals takes as whole units."""
SCARCE = 10
"""So many of the most wanted products run out."""
SCARCE_SHARE = 0.6
SPARE = 100

SET_STOCK = text("""
UPDATE products SET stock = wanted.stock, updated_at = clock_timestamp()
FROM unnest(CAST(:ids AS bigint[]), CAST(:stocks AS bigint[])) AS wanted(id, stock)
WHERE products.id = wanted.id
""")


def load_goods(engine: Engine, products: Path, progress: Progress) -> dict[str, int]:
    """Import the products and return the ids of all on sale by their upper-case sku."""
    exponent = max(PENCE, shop_exponent(engine))
    import_products(engine, products, exponent=exponent, progress=progress)
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT upper(sku), id FROM products WHERE sku IS NOT NULL AND NOT hidden")
        )
        return {row[0]: row[1] for row in rows}


def stock_for(demand: Counter[int]) -> dict[int, int]:
    """Return a stock that lasts, but for the few most wanted products. Pure."""
    scarce = {product_id for product_id, _ in demand.most_common(SCARCE)}
    return {
        product_id: int(wanted * SCARCE_SHARE) if product_id in scarce else wanted + SPARE
        for product_id, wanted in demand.items()
    }


def set_stock(engine: Engine, demand: Counter[int]) -> None:
    """Give every product a counted stock."""
    with engine.begin() as connection:
        everything = connection.execute(text("SELECT id FROM products")).scalars()
        stock = dict.fromkeys(everything, SPARE) | stock_for(demand)
        connection.execute(SET_STOCK, {"ids": list(stock), "stocks": list(stock.values())})
