"""The floor: constant answers through the same Ray Serve set-up and the same FastAPI stack."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from loadtests.floor_answers import ANSWERS


def _constant(content: bytes, status: int) -> Callable[[Request], Awaitable[Response]]:
    async def constant(request: Request) -> Response:
        return Response(content, status, media_type="application/json")

    return constant


def _make_app() -> FastAPI:
    app = FastAPI()
    for (method, path), content in ANSWERS.items():
        app.add_api_route(
            path,
            _constant(content, 201 if method == "POST" else 200),
            methods=[method],
            response_class=Response,
        )
    return app


@serve.deployment
@serve.ingress(_make_app)
class Floor:
    """Answers every request with the same bytes."""


app = Floor.bind()  # type: ignore[attr-defined]
