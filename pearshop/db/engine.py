"""The connection pool and what a transaction means here."""

from sqlalchemy import Engine, create_engine

from pearshop.errors import ConfigurationError
from pearshop.settings import Settings

CONNECT_TIMEOUT_S = 3


def make_engine(
    settings: Settings,
    *,
    url: str = "",
    pool_size: int | None = None,
    statement_timeout: float | None = None,
) -> Engine:
    """Return an engine whose pool holds exactly `pool_size` connections, no overflow.

    It leads to the primary, or to `url`. Statements, waits for locks and idle transactions all end
    at the statement time-out. Raises `ConfigurationError` when no database is configured.
    """
    if not settings.database_url:
        raise ConfigurationError(
            "No database is configured: set PEARSHOP_DATABASE_URL, or run `pearshop up`."
        )
    milliseconds = int((statement_timeout or settings.database_statement_timeout) * 1000)
    return create_engine(
        url or settings.database_url,
        pool_size=pool_size or settings.database_pool_size,
        max_overflow=0,
        pool_timeout=settings.database_pool_timeout,
        pool_use_lifo=True,  # few backends that are warm serve quicker than all in turn
        pool_pre_ping=False,
        hide_parameters=True,  # in errors, which are logged: they are personal data
        pool_recycle=1800,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            # A server that is gone without a word is noticed in seconds, not in 15 minutes.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            "application_name": "pearshop",
            "options": f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds} "
            f"-c idle_in_transaction_session_timeout={milliseconds} -c timezone=UTC",
        },
    )
