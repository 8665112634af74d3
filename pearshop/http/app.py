"""The FastAPI application: routers, errors, and what happens before a route is sought."""

from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from pearshop import __version__
from pearshop.errors import Refused, Unavailable
from pearshop.http import answers
from pearshop.http.body import UnsupportedBody
from pearshop.http.edge import Edge
from pearshop.http.routers import cart, order, product, user
from pearshop.http.services import KEY_HEADER, Services
from pearshop.settings import Settings

DESCRIPTION = """Carts and orders that are durable when they are acknowledged.

Errors carry `detail` for people and `code` for programs. Bodies may be JSON or forms. Paths may
end in a slash or not. Lists are paged by `limit` and the `Link` header."""


def make_app(services: Services | None = None, max_body_bytes: int | None = None) -> FastAPI:
    """Return the application. Without `services` it only describes itself."""
    app = FastAPIOffline(
        title="PearShop",
        version=__version__,
        description=DESCRIPTION,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.services = services
    for module in (user, product, cart, order):
        app.include_router(module.router)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _defect)
    limit = max_body_bytes or (services.settings if services else Settings()).max_body_bytes
    app.add_middleware(Edge, max_body_bytes=limit)
    _describe_security(app)
    return app


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document."""
    return make_app(max_body_bytes=1).openapi()


def _describe_security(app: FastAPI) -> None:
    generate = app.openapi

    def described() -> dict[str, Any]:
        document = generate()
        schemes = document["components"].setdefault("securitySchemes", {})
        schemes["bearer"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        return document

    app.openapi = described  # type: ignore[method-assign]


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    if isinstance(error, UnsupportedBody):
        return answers.problem(415, error.detail, error.code)
    return answers.refusal(error)


async def _unavailable(request: Request, error: Exception) -> Response:
    assert isinstance(error, Unavailable)
    return answers.unavailable(error, has_key=KEY_HEADER in request.headers)


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = {
        404: "There is nothing at this address: see /docs.",
        405: "This address does not know that method: see /docs.",
    }.get(error.status_code, str(error.detail))
    code = {404: "no_such_path", 405: "method_not_allowed"}.get(error.status_code, "refused")
    return answers.problem(error.status_code, detail, code, headers=error.headers)


async def _defect(_: Request, __: Exception) -> Response:
    return answers.problem(500, "Something went wrong here; it is not your fault.", "defect")
