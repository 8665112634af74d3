"""`/api/healthz/` and `/api/readyz/`, for machines; they stand at `/healthz` and `/readyz`, too."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pearshop.http.answers import NO_STORE, json
from pearshop.http.describe import route
from pearshop.http.services import services
from pearshop.schemas.health import AliveOut, ReadyOut

router = APIRouter(prefix="/api", tags=["health"])


@router.get("/healthz/", response_model=AliveOut, **route(probe=True))
async def is_alive(_: Request) -> Response:
    """Tell that this process answers. It asks nobody. At `/healthz`, too."""
    return json({"status": "alive"}, headers=NO_STORE)


@router.get("/readyz/", response_model=ReadyOut, **route(probe=True))
async def is_ready(request: Request) -> Response:
    """Tell whether the shop may be sent requests: database, schema, cart hosts.

    Found out once a second at most. 503 says what is wrong. At `/readyz`, too.
    """
    return (await services(request).readiness.look()).answer()
