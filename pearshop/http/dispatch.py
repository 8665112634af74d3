"""From a request to its endpoint by a table; FastAPI describes the routes and serves the rest.

Every endpoint takes the request and the ids in the path, and reads its own body, so
nothing of FastAPI's routing and dependency machinery is needed to call it. Why: ADR 0009.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from pearshop.errors import Refused, Unavailable
from pearshop.http import answers as ready
from pearshop.http.body import ARRIVING, TIME
from pearshop.http.members import UNTIL

Endpoint = Callable[..., Awaitable[Response]]
Answer = Callable[[Request, Exception], Awaitable[Response]]


SLOW_BODY = ready.problem(
    408, "The body did not arrive in time: send it again. Nothing was done.", "slow_body"
)


_Deep = tuple[tuple[str | None, ...], Endpoint, str]
"""A path's segments, `None` for an id, and what it leads to."""


class Dispatch:
    """Calls the endpoints of `routers`; what they do not know goes on to `app`.

    HEAD is answered as GET is; the HTTP server leaves the body out.

    `answers` says what becomes of the errors that endpoints raise. `timeout` (s) bounds the whole
    of a request: whoever waits longer is told that its outcome is unknown.
    """

    def __init__(
        self,
        app: ASGIApp,
        routers: Iterable[APIRouter],
        answers: dict[type[Exception], Answer],
        timeout: float,
    ) -> None:
        self._app = app
        self._timeout = timeout
        self._answers = answers
        self._exact: dict[tuple[str, str], tuple[Endpoint, str]] = {}
        self._with_id: dict[tuple[str, str], tuple[Endpoint, str]] = {}
        self._deep: dict[tuple[str, int], list[_Deep]] = {}
        self.route = Route(self)
        for router in routers:
            for route in router.routes:
                assert isinstance(route, APIRoute)
                for method in route.methods or ():
                    self._add(method, route)

    def _add(self, method: str, route: APIRoute) -> None:
        found = route.endpoint, route.path
        stem, brace, rest = route.path.partition("{")
        if not brace:
            self._exact[method, stem] = found
        elif rest.endswith("}/") and "{" not in rest:
            self._with_id[method, stem] = found
        else:
            segments = tuple(
                None if each.startswith("{") else each for each in route.path.split("/")
            )
            self._deep.setdefault((method, len(segments)), []).append((segments, *found))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        found = self.find(scope)
        if found is None:
            await self._app(scope, receive, send)
            return
        endpoint, _, arguments = found
        request = Request(scope, receive, send)
        try:
            until = asyncio.get_running_loop().time() + self._timeout
            async with asyncio.timeout_at(min(until, scope.get(UNTIL, until))) as time:
                scope[TIME] = time
                response = await endpoint(request, *arguments)
        except TimeoutError:
            response = await self._too_late(request)
        except (Refused, Unavailable, HTTPException) as error:
            response = await self._answer(request, error)
        await response(scope, receive, send)

    def find(self, scope: Scope) -> tuple[Endpoint, str, tuple[Any, ...]] | None:
        """Return endpoint, path template and arguments of a request; `None`: not in the table."""
        if scope["type"] != "http":
            return None
        path = scope["path"]
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        exact = self._exact.get((method, path))
        if exact is not None:
            return *exact, ()
        stem, _, identity = path.removesuffix("/").rpartition("/")
        found = self._with_id.get((method, stem + "/"))
        if found is not None:
            return (*found, (identity,)) if path.endswith("/") and identity else None
        return self._find_deep(method, path.split("/"))

    def _find_deep(
        self, method: str, path: list[str]
    ) -> tuple[Endpoint, str, tuple[Any, ...]] | None:
        """Return the same for a path that has an id further up."""
        for segments, endpoint, template in self._deep.get((method, len(path)), ()):
            pairs = list(zip(segments, path, strict=True))
            if all(known is None or known == given for known, given in pairs):
                arguments = tuple(given for known, given in pairs if known is None)
                return (endpoint, template, arguments) if all(arguments) else None
        return None

    async def _too_late(self, request: Request) -> Response:
        if ARRIVING in request.scope:
            return SLOW_BODY
        return await self._answer(request, Unavailable("It took too long.", unknown=True))

    async def _answer(self, request: Request, error: Exception) -> Response:
        for kind, answer in self._answers.items():
            if isinstance(error, kind):
                return await answer(request, error)
        raise error


class Route:
    """All routes of a table as one.

    Ray Serve names the route of each request in its metrics, and tries one after the other for
    that, which costs more than to look it up. It calls `matches`, and reads `path` at once, before
    which it puts the prefix that the application is served below.
    """

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch
        self.path = ""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether the table knows a request; if so, `path` is its template."""
        found = self._dispatch.find(scope)
        if found is None:
            return Match.NONE, {}
        self.path = found[1].removeprefix(scope.get("root_path", ""))
        return Match.FULL, {}
