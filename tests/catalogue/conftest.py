"""A shop in pounds and pence without any product."""

import pytest
from sqlalchemy import Engine, insert

from pearshop.db.tables import shop


@pytest.fixture(name="engine")
def in_pence(engine: Engine) -> Engine:
    with engine.begin() as connection:
        connection.execute(insert(shop).values(currency="GBP", currency_exponent=2))
    return engine
