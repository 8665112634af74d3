"""Stock for a replay."""

from collections import Counter

from sqlalchemy import Engine, insert, text

from loadtests.goods import SCARCE, SPARE, set_stock, stock_for
from pearshop.db.tables import products


def test_stock_runs_out_for_the_most_wanted_only() -> None:
    demand = Counter({n: 100 - n for n in range(20)})
    stock = stock_for(demand)
    assert [n for n in demand if stock[n] < demand[n]] == list(range(SCARCE))
    assert stock[19] == 81 + SPARE


def test_every_product_is_counted(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(insert(products), [{"name": "x", "price": 1}] * 3)
    set_stock(engine, Counter({1: 10, 2: 5}))
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, stock FROM products ORDER BY id")).all()
    assert rows == [(1, 6), (2, 3), (3, SPARE)]
