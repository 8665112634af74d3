"""The floor: a constant answer through the same Ray Serve set-up and the same FastAPI stack."""

from fastapi import FastAPI
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

ANSWER = (
    b'{"id":33554433,"product":{"id":1,"name":"Pear","price":250,"image":"","description":"",'
    b'"sku":null,"category":"","stock":null,"created_at":"2026-01-01T00:00:00.000000Z",'
    b'"updated_at":"2026-01-01T00:00:00.000000Z"},"quantity":1,"total_price":250,'
    b'"user":{"id":2,"username":"shopper"},"created_at":"2026-01-01T00:00:00.000000Z",'
    b'"updated_at":"2026-01-01T00:00:00.000000Z"}'
)
"""As long as the line that an add answers with."""


def _make_app() -> FastAPI:
    app = FastAPI()

    @app.post("/order-item/")
    async def constant(request: Request) -> Response:
        return Response(ANSWER, 201, media_type="application/json")

    return app


@serve.deployment
@serve.ingress(_make_app)
class Floor:
    """Answers every request with the same bytes."""


app = Floor.bind()  # type: ignore[attr-defined]
