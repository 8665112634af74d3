"""What the shop is."""

from typing import NamedTuple

from sqlalchemy import Connection, select, text

from pearshop.db.execute import read_only, single_statement
from pearshop.db.tables import shop


class Shop(NamedTuple):
    """A shop: its currency (ISO 4217), and how many decimals of it a price's unit has."""

    currency: str
    currency_exponent: int


REVISION = text("SELECT version_num FROM alembic_version")


@single_statement
def revision(connection: Connection) -> str | None:
    """Return the revision of the schema, as `pearshop.db.migrate` has left it."""
    return connection.execute(REVISION).scalar()


@read_only
def get(connection: Connection) -> Shop:
    """Return what this shop is."""
    row = connection.execute(select(shop.c.currency, shop.c.currency_exponent)).one()
    return Shop(*row)
