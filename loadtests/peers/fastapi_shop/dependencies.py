"""What endpoints ask for: a session, the caller, a page."""

import os
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, TypeVar

import jwt
from fastapi import Depends, HTTPException, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Select, make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from loadtests.peers.fastapi_shop.schemas import Shopper
from loadtests.peers.sizes import UVICORN_CONNECTIONS

T = TypeVar("T")
SIGNING_KEY = os.environ["PEER_SIGNING_KEY"]
bearer = HTTPBearer(auto_error=False)

engine = create_async_engine(
    make_url(os.environ["PEER_DATABASE_URL"]).set(drivername="postgresql+psycopg"),
    pool_size=UVICORN_CONNECTIONS,
    max_overflow=0,
    pool_timeout=10,
)
make_session = async_sessionmaker(engine, expire_on_commit=False)
# On the same pool, without BEGIN and ROLLBACK around each query.
make_reader = async_sessionmaker(engine.execution_options(isolation_level="AUTOCOMMIT"))


async def session() -> AsyncIterator[AsyncSession]:
    """Yield a session for changes. Endpoints commit before they answer."""
    async with make_session() as opened:
        yield opened


async def reader() -> AsyncIterator[AsyncSession]:
    """Yield a session that only reads."""
    async with make_reader() as opened:
        yield opened


async def shopper(
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Shopper:
    """Return who calls, by the token alone. Raises 401."""
    token = credentials.credentials if credentials else ""
    try:
        claims = jwt.decode(token, SIGNING_KEY, ["HS256"], {"require": ["exp"]})
        return Shopper(id=claims["user_id"], username=claims["username"])
    except (jwt.PyJWTError, KeyError):
        raise HTTPException(401, "Sign in.", {"WWW-Authenticate": "Bearer"}) from None


class Page:
    """A page by limit and offset, uncounted: one row too many tells whether more follow."""

    def __init__(
        self,
        request: Request,
        response: Response,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        offset: Annotated[int, Query(ge=0)] = 0,
    ) -> None:
        self._request = request
        self._response = response
        self._limit = limit
        self._offset = offset

    def query(self, rows: Select[T]) -> Select[T]:
        """Return the query for the rows of the page and one more."""
        return rows.offset(self._offset).limit(self._limit + 1)

    def cut(self, found: Sequence[T]) -> Sequence[T]:
        """Return the rows of the page; a `Link` header leads to the next one, if any."""
        if len(found) > self._limit:
            url = self._request.url.include_query_params(
                limit=self._limit, offset=self._offset + self._limit
            )
            self._response.headers["Link"] = f'<{url}>; rel="next"'
        return found[: self._limit]


Session = Annotated[AsyncSession, Depends(session)]
Reader = Annotated[AsyncSession, Depends(reader)]
SignedIn = Annotated[Shopper, Depends(shopper)]
Paged = Annotated[Page, Depends()]
