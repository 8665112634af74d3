"""A database of products, and a Redis beside it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pearshop.db.embedded import EmbeddedRedis
from tests.http.catalogue import Rows


@pytest.fixture
def rows() -> Rows:
    return Rows()


@pytest.fixture
async def redis_url(tmp_path: Path) -> AsyncIterator[str]:
    with EmbeddedRedis(tmp_path) as server:
        yield server.url
