"""What a new database needs before the shop opens: currency, first staff account, demo goods."""

from argon2.exceptions import VerificationError
from sqlalchemy import Connection, Engine, insert, select, update

from pearshop.catalogue.demo import load_demo
from pearshop.db import user as user_rows
from pearshop.db.tables import shop, users
from pearshop.domain.user import Role, check_password, check_username
from pearshop.errors import ConfigurationError
from pearshop.http.passwords import HASHER
from pearshop.settings import Settings


def seed(
    engine: Engine, settings: Settings, staff_username: str, staff_password: str, *, demo: bool
) -> None:
    """Bring what is missing; what is there stays, but for the staff account's password.

    Raises `ConfigurationError` for a currency other than the one that the shop's prices are in.
    """
    with engine.begin() as connection:
        exponent = settle_currency(connection, settings)
        _staff(connection, staff_username, staff_password)
    if demo:
        load_demo(engine, exponent)


def create_staff(engine: Engine, username: str, password: str) -> None:
    """Create a staff account. Raises `Invalid` for a taken name or a weak password."""
    name = check_username(username)
    check_password(password, name)
    with engine.begin() as connection:
        user_rows.create(connection, name, HASHER.hash(password), Role.OWNER)


def settle_currency(connection: Connection, settings: Settings) -> int:
    """Settle the shop's currency, once and for all; return its exponent.

    Raises `ConfigurationError` when the settings name another one than the shop has.
    """
    wanted = (settings.currency, settings.currency_exponent)
    row = connection.execute(select(shop.c.currency, shop.c.currency_exponent)).one_or_none()
    if row is None:
        connection.execute(insert(shop).values(currency=wanted[0], currency_exponent=wanted[1]))
        return wanted[1]
    named = settings.model_fields_set & {"currency", "currency_exponent"}
    if named and tuple(row) != wanted:
        raise ConfigurationError(
            f"This shop's prices are in {row[0]} with exponent {row[1]}, not in {wanted[0]} with "
            f"exponent {wanted[1]}: unset PEARSHOP_CURRENCY and PEARSHOP_CURRENCY_EXPONENT, or "
            "use another state folder."
        )
    exponent: int = row[1]
    return exponent


def _staff(connection: Connection, username: str, password: str) -> None:
    """Make sure that this account is there, is staff and has this password."""
    known = user_rows.credentials(connection, username)
    if known is None:
        user_rows.create(connection, username, HASHER.hash(password), Role.OWNER)
        return
    try:
        HASHER.verify(known.password_hash, password)
    except VerificationError:
        connection.execute(
            update(users)
            .where(users.c.id == known.user.id)
            .values(password_hash=HASHER.hash(password))
        )
