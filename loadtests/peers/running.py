"""The peers as the benchmark runs them: each on a database of its own, with goods and shoppers."""

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import jwt
from sqlalchemy import create_engine, make_url

from loadtests.peers.database import Good, accounts, database, fill
from loadtests.peers.fastapi_shop.models import Base
from loadtests.peers.server import DjangoServer, FastApiServer, PeerServer

TOKENS_LAST_S = 24 * 3600

MAKE_DJANGO_SHOPPERS = """
INSERT INTO auth_user (username, password, first_name, last_name, email,
                       is_superuser, is_staff, is_active, date_joined)
SELECT 'load-' || n, '!', '', '', '', false, false, true, now() FROM generate_series(1, %(count)s) n
"""
MAKE_FASTAPI_SHOPPERS = """
INSERT INTO users (username) SELECT 'load-' || n FROM generate_series(1, %(count)s) n
"""


@dataclass(frozen=True)
class Peer:
    """A peer that runs. `tokens`: an access token for each shopper, good for a day.

    `products`: ids in the order of the goods. `pid`: the server's first process; the session that
    it leads has all the others.
    """

    name: str
    url: str
    tokens: list[str]
    products: list[int]
    pid: int


@contextmanager
def django_peer(
    server_url: str, folder: Path, shoppers: int, goods: Sequence[Good]
) -> Iterator[Peer]:
    """Run Django with REST framework on gunicorn for the time of the block.

    `server_url` names any database of the PostgreSQL server to use; its role must be allowed to
    create databases. The log is `folder/django/server.log`. Raises `ConfigurationError` when the
    peer does not start.
    """
    key = secrets.token_urlsafe(48)
    with database(server_url, "peer_django") as url:
        server = DjangoServer(folder / "django", url, key)
        server.migrate()
        products = fill(url, goods, shoppers, MAKE_DJANGO_SHOPPERS)
        tokens = [access_token(key, *each) for each in accounts(url, "auth_user")]
        with _running(server, "Django", tokens, products) as peer:
            yield peer


@contextmanager
def fastapi_peer(
    server_url: str, folder: Path, shoppers: int, goods: Sequence[Good]
) -> Iterator[Peer]:
    """Run FastAPI with SQLAlchemy on uvicorn for the time of the block; see `django_peer`.

    The log is `folder/fastapi/server.log`.
    """
    key = secrets.token_urlsafe(48)
    with database(server_url, "peer_fastapi") as url:
        engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
        Base.metadata.create_all(engine)
        engine.dispose()
        products = fill(url, goods, shoppers, MAKE_FASTAPI_SHOPPERS)
        tokens = [access_token(key, *each) for each in accounts(url, "users")]
        server = FastApiServer(folder / "fastapi", url, key)
        with _running(server, "FastAPI", tokens, products) as peer:
            yield peer


PEERS = (django_peer, fastapi_peer)


def access_token(key: str, user_id: int, username: str) -> str:
    """Return a token that both peers take: its claims are those of Simple JWT, and the name."""
    now = int(time.time())
    claims = {
        "token_type": "access",
        "jti": secrets.token_hex(16),
        "user_id": user_id,
        "username": username,
        "iat": now,
        "exp": now + TOKENS_LAST_S,
    }
    return jwt.encode(claims, key, "HS256")


@contextmanager
def _running(
    server: PeerServer, name: str, tokens: list[str], products: list[int]
) -> Iterator[Peer]:
    with server:
        assert server.pid is not None
        yield Peer(name, server.url, tokens, products, server.pid)
