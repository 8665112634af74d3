"""The shopper's app, and beside it what describes the API; and how the shop is, at `/readyz`."""

import asyncio
from typing import Any, cast

from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle
from starlette.responses import Response
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from pearshop.actors.batching import detached
from pearshop.actors.ray_database import APPLICATION
from pearshop.errors import Unavailable
from pearshop.http.answers import NO_STORE, json, unavailable
from pearshop.settings import settings
from pearshop.telemetry.start import start_replica
from pearshop.web.app import bundle
from pearshop.web.app.site import Site

ALIVE, READY = "/healthz", "/readyz"
PATIENCE_S = 2.0


class Front:
    """The app's files; `/docs`, `/openapi.json` and the answer to wrong addresses beside them.

    `/healthz` and `/readyz` are where machines look for them; the rest asks nobody.
    """

    def __init__(self) -> None:
        self.routes: list[BaseRoute] = []  # Ray Serve counts all requests as one route's
        self._site = Site(bundle.read(), self._describe)
        self._described: asyncio.Task[ASGIApp] | None = None
        self._starts_and_ends = Router()
        self._api: DeploymentHandle[Any] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        path = scope["path"].rstrip("/") if scope["type"] == "http" else ""
        if scope["type"] == "lifespan":
            await self._starts_and_ends(scope, receive, send)
        elif path == ALIVE:
            await json({"status": "alive"}, headers=NO_STORE)(scope, receive, send)
        elif path == READY:
            await (await self._readiness())(scope, receive, send)
        else:
            await self._site(scope, receive, send)

    async def _describe(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the API does for what it describes, and for what nobody knows.

        What that needs is imported when it is first wanted: it takes most of a second of a start.
        """
        if self._described is None:
            self._described = detached(asyncio.to_thread(_make_described))
        described = await asyncio.shield(self._described)
        await described(scope, receive, send)

    async def _readiness(self) -> Response:
        """Ask the API, whose replicas know what the shop stands on."""
        try:
            if self._api is None:
                self._api = serve.get_deployment_handle("Api", APPLICATION)
            async with asyncio.timeout(PATIENCE_S):
                status, body, headers = cast(
                    "tuple[int, bytes, dict[str, str]]", await self._api.readiness.remote()
                )
        except (RayError, RayServeException, TimeoutError):
            return unavailable(Unavailable("The API does not answer."), may_repeat=True)
        return Response(body, status, headers)


def _make_described() -> ASGIApp:
    from pearshop.http.app import make_app

    return make_app()


@serve.deployment
@serve.ingress()
class WebApp:
    """Answers HTTP for all addresses that no other application has."""

    def __init__(self) -> None:
        start_replica(settings())

    def __serve_build_asgi_app__(self) -> Front:
        """Return the application that Serve hands requests to."""
        return Front()
