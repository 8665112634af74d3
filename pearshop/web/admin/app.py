"""The staff admin as an application. `make_admin` returns it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route, Router

from pearshop.client import Transport
from pearshop.errors import Forbidden, Refused, Unauthenticated, Unavailable
from pearshop.http.browsers.hosts import Hosts
from pearshop.web.admin import (
    audit,
    bulk,
    dashboard,
    export,
    image,
    importing,
    order,
    pages,
    product,
    sign_in,
    user,
    webhook,
)
from pearshop.web.admin.desk import at, office
from pearshop.web.admin.door import Answer, Door
from pearshop.web.admin.office import Office

MODULES = (sign_in, dashboard, bulk, export, image, importing, product, order, user, audit, webhook)
TIMEOUT_S = 5.0
"""For a call of the API with all its repeats; the ingress gives a page six seconds."""


def make_admin(api_url: str, host_names: Sequence[str], peer_header: str | None) -> Door:
    """Return the admin of the shop whose API is at `api_url`.

    `host_names`: names that it goes by; `peer_header`: where an ingress that can be believed tells
    whom it serves.
    """
    transport = Transport(api_url, TIMEOUT_S)

    @asynccontextmanager
    async def lifespan(_: Router) -> AsyncIterator[None]:
        yield
        await transport.close()

    shared = Office(transport, peer_header)
    routes = [each for module in MODULES for each in module.routes]
    routes.append(Route("/static/{digest}/{name}", shared.files.serve, methods=["GET"]))
    # Its redirects would name the address that it is asked by, which is not the edge's.
    router = Router(routes, redirect_slashes=False, lifespan=lifespan)
    return Door(router, ANSWERS, Hosts(host_names), shared, _defect)


DEFECT = "It is not your fault. Try again; if it comes again, tell whoever runs the shop."
NOWHERE = "The address may be old or misspelt. The menu leads to all that there is."


async def _sign_in(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return sign_in.ask(request, error)


def _defect(request: Request) -> Response:
    return _page(request, 500, DEFECT)


async def _trouble(request: Request, error: Exception) -> Response:
    return _page(request, 503 if isinstance(error, Unavailable) else 400, str(error))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    slashed = f"{request.url.path}/"
    known = (at(request, each.path) for each in request.app.routes if isinstance(each, Route))
    if error.status_code == 404 and slashed in known:
        return RedirectResponse(slashed, 308)
    detail = NOWHERE if error.status_code == 404 else str(error.detail)
    return _page(request, error.status_code, detail)


def _page(request: Request, status: int, error: str) -> Response:
    text = pages.render(
        "trouble.html",
        at=lambda path: at(request, path),
        files=office(request).files,
        said=None,
        error=error,
        heading=pages.HEADINGS.get(status),
    )
    return HTMLResponse(text, status)


ANSWERS: Mapping[type[Exception], Answer] = {
    Unauthenticated: _sign_in,
    Forbidden: _sign_in,
    Refused: _trouble,
    Unavailable: _trouble,
    HTTPException: _http,
}
"""What becomes of the errors that pages raise on purpose."""
