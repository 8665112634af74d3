"""The application: FastAPI, which describes it, behind the layers that every request passes."""

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pearshop import __version__
from pearshop.errors import Refused, Unavailable
from pearshop.http import answers
from pearshop.http.body import UnsupportedBody
from pearshop.http.browsers.cross_origin import with_cors
from pearshop.http.browsers.docs import add_docs
from pearshop.http.browsers.door import Door
from pearshop.http.browsers.hosts import Hosts
from pearshop.http.dispatch import Answer, Dispatch
from pearshop.http.edge import Edge
from pearshop.http.limiting.guard import Limits
from pearshop.http.routers import (
    audit,
    batch,
    bulk,
    cart,
    category,
    image,
    order,
    product,
    report,
    shop,
    staff,
    transfer,
    user,
    webhook,
    whole_cart,
)
from pearshop.http.services import KEY_HEADER, Services
from pearshop.settings import Settings

KEYED = "/api/order"
"""Where an idempotency key counts: cart lines and orders."""
REPEATABLE = ("GET", "HEAD", "PUT", "DELETE")
"""Methods that end the same however often they are sent (RFC 9110, 9.2.2)."""
CODE_OF = {404: "no_such_path", 405: "method_not_allowed", 413: "too_large"}
MODULES = (
    *(cart, whole_cart, product, bulk, category, order),
    *(user, shop, staff, audit, transfer, report, webhook, image, batch),
)
FORM_BYTES = 65_536
"""What a form may have beside the file that it brings."""
DESCRIPTION = """Carts and orders that are durable when they are acknowledged.

Errors carry `detail` for people and `code` for programs. Bodies may be JSON or forms. Paths may
end in a slash or not. Lists are paged by `limit` and the `Link` header."""


class App:
    """The layers, from the outside in, of which the last hands on to FastAPI what it does not know.

    They are plain ASGI around FastAPI and not its middleware, for those have a price (ADR 0016).
    `state` and `routes` are as with Starlette; the routes serve only to tell Ray Serve which of
    them a request takes.
    """

    def __init__(
        self, described: FastAPI, services: Services | None, max_body_bytes: int | None
    ) -> None:
        self.described = described
        self.state = State({"services": services})
        settings = services.settings if services else Settings()
        routers = [module.router for module in MODULES]
        dispatch = Dispatch(described, routers, ANSWERS, settings.request_timeout)
        self.routes = [dispatch.route]
        inner: ASGIApp = dispatch
        if services and services.guard:
            inner = Limits(inner, services.guard, services.tokens)
        larger = {
            image.UPLOAD: settings.max_image_bytes + FORM_BYTES,
            transfer.IMPORT: transfer.MAX_FILE_BYTES,
        }
        inner = Edge(inner, max_body_bytes or settings.max_body_bytes, larger)
        if settings.origins:
            inner = with_cors(inner, settings.origins)
        self._layers = Door(inner, Hosts(settings.host_names), DEFECT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        scope["app"] = self
        scope["root_path"] = ""  # paths here are whole ones, below whichever prefix Serve puts it
        await self._layers(scope, receive, send)


def make_app(services: Services | None = None, max_body_bytes: int | None = None) -> App:
    """Return the application. Without `services` it only describes itself."""
    return App(_describe(), services, max_body_bytes)


def _describe() -> FastAPI:
    app = FastAPI(
        title="PearShop",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    add_docs(app)
    for module in MODULES:
        app.include_router(module.router)
    for kind, answer in ANSWERS.items():
        app.add_exception_handler(kind, answer)
    app.add_exception_handler(Exception, _defect)
    _describe_security(app)
    return app


def openapi() -> dict[str, Any]:
    """Return the OpenAPI document."""
    return _describe().openapi()


def _describe_security(app: FastAPI) -> None:
    generate = app.openapi

    def described() -> dict[str, Any]:
        document = generate()
        schemes = document["components"].setdefault("securitySchemes", {})
        _drop_fastapis_422(document)
        schemes["bearer"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
        return document

    app.openapi = described  # type: ignore[method-assign]


def _drop_fastapis_422(document: dict[str, Any]) -> None:
    """FastAPI tells of a 422 wherever there is a parameter; invalid requests get 400 here."""
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for item in document["paths"].values():
        for operation in item.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    if isinstance(error, UnsupportedBody):
        return answers.problem(415, error.detail, error.code)
    return answers.refusal(error)


async def _unavailable(request: Request, error: Exception) -> Response:
    assert isinstance(error, Unavailable)
    path, method = request.url.path, request.method
    keyed = KEY_HEADER in request.headers and path.startswith(KEYED)
    # An upload that is sent again is the same image.
    may_repeat = keyed or method in REPEATABLE or path == image.UPLOAD
    return answers.unavailable(error, may_repeat=may_repeat)


def _methods(path: str) -> set[str]:
    """Return the methods that an address knows; FastAPI's own answer names one route's only."""
    routes = [
        route for module in MODULES for route in module.router.routes if isinstance(route, APIRoute)
    ]
    # Where a path is a route's own, one with an id in that place does not answer for it.
    exact = [route for route in routes if route.path == path]
    found = exact or [route for route in routes if route.path_regex.match(path)]
    known = {method for route in found for method in route.methods or ()}
    return known | ({"HEAD"} if "GET" in known else set())


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = {
        404: "There is nothing at this address: see /docs.",
        405: "This address does not know that method: see /docs.",
    }.get(error.status_code, str(error.detail))
    code = CODE_OF.get(error.status_code, "refused")
    headers = error.headers
    if error.status_code == 405 and (known := _methods(request.url.path)):
        headers = {"Allow": ", ".join(sorted(known))}
    return answers.problem(error.status_code, detail, code, headers=headers)


async def _defect(_: Request, __: Exception) -> Response:
    return DEFECT


DEFECT = answers.problem(500, "Something went wrong here; it is not your fault.", "defect")
ANSWERS: dict[type[Exception], Answer] = {
    Refused: _refused,
    Unavailable: _unavailable,
    HTTPException: _http,
}
"""What becomes of the errors that endpoints raise on purpose."""
