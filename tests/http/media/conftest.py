"""Replicas that keep images in a folder, and in fsspec's memory for all that is no folder."""

import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from pearshop.db import user as user_rows
from pearshop.domain.user import Role, User
from pearshop.http.addresses import Addresses
from pearshop.http.app import make_app
from pearshop.http.media.images import Images
from pearshop.http.passwords import Passwords
from pearshop.http.services import Services
from pearshop.http.tokens import Tokens
from pearshop.settings import Settings
from tests.db.conftest import Rows, rows
from tests.http.media.pictures import picture, saved
from tests.standby import LocalDatabase

__all__ = ["rows"]
UPLOAD = "/api/image/"
LIMIT = 200_000
PNG = saved(picture(), "PNG")


class Front:
    """One `Api` replica, asked by name."""

    def __init__(self, settings: Settings, database: LocalDatabase, staff: User) -> None:
        nothing = cast("Any", None)
        addresses = Addresses(settings.trusted_proxies, behind_ingress=False)
        self.images = Images(settings, addresses)
        self._tokens = Tokens("k" * 32)
        self.staff = staff
        services = Services(
            *(settings, database, nothing, nothing, self._tokens, Passwords(1)), images=self.images
        )
        self.http = httpx.AsyncClient(
            base_url="http://localhost:8000", transport=httpx.ASGITransport(make_app(services))
        )

    async def upload(
        self, content: bytes, name: str = "pear.png", kind: str = "image/png", **more: Any
    ) -> httpx.Response:
        """Send a file as the editor."""
        return await self.send(files={"image": (name, content, kind)}, **more)

    async def send(
        self, user: User | None = None, headers: Mapping[Any, Any] | None = None, **more: Any
    ) -> httpx.Response:
        """Send anything to where uploads go."""
        token = self._tokens.access(user or self.staff, 1)
        told = {"Authorization": f"Bearer {token}", **(headers or {})}
        return await self.http.post(UPLOAD, headers=told, **more)


@pytest.fixture(params=["folder", "memory"])
def media_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path) if request.param == "folder" else f"memory://{uuid.uuid4().hex}"


@pytest.fixture
def editor(rows: Rows) -> User:
    return rows.run(user_rows.create, "editor", "hash", Role.EDITOR)


Make = Callable[..., Front]


@pytest.fixture
async def make(database_url: str, media_url: str, editor: User) -> AsyncIterator[Make]:
    """Makes replicas of a shop with these settings."""
    databases: list[LocalDatabase] = []

    def made(**settings: Any) -> Front:
        told: dict[str, Any] = {
            "media_url": media_url,
            "max_image_bytes": LIMIT,
            "trusted_proxies": "127.0.0.0/8",
        }
        configured = Settings(database_url=database_url, **(told | settings))
        databases.append(LocalDatabase(configured))
        return Front(configured, databases[-1], editor)

    yield made
    for each in databases:
        each.close()


@pytest.fixture
def front(make: Make) -> Front:
    return make()
