"""`/api/batch/`: several calls in one request, for networks on which each round trip is dear."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pearshop.errors import Invalid
from pearshop.http import body, pages
from pearshop.http.batch import PATH, carry_out
from pearshop.http.describe import route
from pearshop.http.members import UNTIL
from pearshop.http.services import KEY_HEADER, services
from pearshop.schemas.batch import BatchIn, BatchOut

router = APIRouter(prefix=PATH.removesuffix("/"), tags=["batch"])


@router.post("/", response_model=BatchOut, **route(body=BatchIn))
async def post_batch(request: Request) -> Response:
    """Carry out up to 20 calls in their order, each as if it had been sent by itself.

    Each has its own status; one that fails does not stop the next. There is no transaction around
    them. An `Idempotency-Key` belongs to a call, not to the batch.
    """
    if KEY_HEADER in request.headers:
        raise Invalid.of("Idempotency-Key", "belongs into the headers of a call, not of the batch.")
    if UNTIL in request.scope:
        raise Invalid.of("path", "a batch cannot hold another one.")
    wish = await body.read(request, BatchIn)
    done = await carry_out(request, wish.calls, services(request).settings.request_timeout)
    return await pages.packed(request, {"answers": [each.render() for each in done]})
