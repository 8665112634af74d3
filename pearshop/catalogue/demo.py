"""A small general shop, for a first look."""

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from pearshop.db.tables import products

GOODS = """
KIT-001 | Kitchen | Enamel mug | 3500 | 120 | Holds 350 ml, chips only if you try.
KIT-002 | Kitchen | Cast iron pan | 18500 | 35 | 26 cm, seasoned, heavy, outlives its owner.
KIT-003 | Kitchen | Bamboo chopping board | 6200 | 60 | Oiled on both sides.
KIT-004 | Kitchen | Pepper mill | 7900 | 48 | Ceramic grinder, beech body.
KIT-005 | Kitchen | Set of three bowls | 9400 | 40 | Stacking stoneware, blue glaze.
KIT-006 | Kitchen | Tea towel | 1800 | 200 | Half linen, half cotton.
HOM-001 | Home | Desk lamp | 14500 | 30 | Warm light, three steps of brightness.
HOM-002 | Home | Wool blanket | 26000 | 18 | 130 by 180 cm, undyed.
HOM-003 | Home | Wall clock | 11200 | 25 | Silent sweep, runs a year on one cell.
HOM-004 | Home | Door mat | 5600 | 70 | Coconut fibre on rubber.
HOM-005 | Home | Candle, beeswax | 2900 | 150 | Burns for about twelve hours.
PAP-001 | Paper | Notebook, dotted | 2400 | 300 | 120 pages of 90 g paper, lies flat.
PAP-002 | Paper | Fountain pen | 16800 | 22 | Fine nib, converter included.
PAP-003 | Paper | Ink, pear green | 4700 | 55 | 30 ml, washes off hands.
PAP-004 | Paper | Gift wrap | 1500 | 240 | Three sheets, pattern of pears.
GAR-001 | Garden | Watering can | 8800 | 33 | 5 litres, zinc plated.
GAR-002 | Garden | Hand trowel | 4200 | 80 | Ash handle, forged blade.
GAR-003 | Garden | Pear tree sapling | 12500 | 12 | One year old, about 80 cm tall.
GAR-004 | Garden | Seed mix, wild flowers | 1200 |  | For ten square metres.
TOY-001 | Toys | Wooden train | 13900 | 26 | Engine, two wagons, no batteries.
TOY-002 | Toys | Card game, pairs | 3300 | 90 | 64 cards, from four years.
TOY-003 | Toys | Kite | 6900 | 44 | Flies from a light breeze on.
BAG-001 | Bags | Canvas tote | 3900 | 160 | Long handles, inside pocket.
BAG-002 | Bags | Day pack | 21500 | 20 | 18 litres, keeps rain out.
"""
"""Sku, category, name, price in whole units of the currency, stock (empty: not counted), text."""


def load_demo(engine: Engine, exponent: int) -> int:
    """Fill an empty catalogue and return how many products that were; do nothing to any other.

    `exponent` is how many decimals the shop's prices have.
    """
    with engine.begin() as connection:
        if connection.execute(select(products.c.id).limit(1)).first() is not None:
            return 0
        goods = [_product(line, exponent) for line in GOODS.strip().splitlines()]
        connection.execute(insert(products).values(goods).on_conflict_do_nothing())
        return len(goods)


def _product(line: str, exponent: int) -> dict[str, str | int | None]:
    sku, category, name, price, stock, description = (part.strip() for part in line.split("|"))
    return {
        "sku": sku,
        "category": category,
        "name": name,
        "price": int(price) * 10**exponent,
        "stock": int(stock) if stock else None,
        "description": description,
    }
