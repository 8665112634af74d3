"""`/api/webhook/`: who is told of orders, for owners; and what they were told."""

import asyncio
import secrets

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from pearshop.db import webhook as rows
from pearshop.domain.user import Role
from pearshop.domain.webhook import State
from pearshop.errors import Invalid
from pearshop.http import body, pages, query
from pearshop.http.answers import json
from pearshop.http.describe import route
from pearshop.http.identity import identity
from pearshop.http.paging import id_of, limit_of, next_by_id
from pearshop.http.services import services, staff
from pearshop.schemas.fields import sparse
from pearshop.schemas.query import Sparse
from pearshop.schemas.webhook import (
    DeliveryOut,
    DeliveryQuery,
    WebhookIn,
    WebhookOut,
    WebhookPatch,
    WebhookTold,
    render_delivery,
    render_webhook,
)
from pearshop.webhooks.address import address_of

router = APIRouter(prefix="/api/webhook", tags=["webhooks"])
DELIVERY = "delivery"
LOOK_UP_S = 2.0
"""For the look-up of a host's name, of a request's 5 s."""


@router.get(
    "/",
    response_model=list[WebhookOut],
    **route(signed_in=True, query=Sparse, errors=(403,)),
)
async def list_webhooks(request: Request) -> Response:
    """List who is told of events, the newest first."""
    staff(request, Role.VIEWER)
    tree = query.fields(query.read(request, Sparse), WebhookOut)
    found = await services(request).database.run(rows.every)
    return pages.private(request, sparse([render_webhook(each) for each in found], tree))


@router.post(
    "/",
    status_code=201,
    response_model=WebhookTold,
    **route(body=WebhookIn, signed_in=True, errors=(403, 409)),
)
async def add_webhook(request: Request) -> Response:
    """Tell a URL of events from now on. The answer has the secret that signs them, once."""
    caller = staff(request, Role.OWNER)
    wish = await body.read(request, WebhookIn)
    await _check(request, wish.url)
    secret = _new_secret()
    made = await services(request).database.run(
        rows.create, wish.url, tuple(wish.topics), secret, caller.user.id
    )
    return json(render_webhook(made) | {"secret": secret}, 201)


@router.get(
    "/{webhook_id}/",
    response_model=WebhookOut,
    **route(signed_in=True, query=Sparse, errors=(403, 404)),
)
async def get_webhook(request: Request, webhook_id: str) -> Response:
    """Return a webhook."""
    staff(request, Role.VIEWER)
    tree = query.fields(query.read(request, Sparse), WebhookOut)
    found = await services(request).database.run(rows.get, identity(webhook_id, "webhook"))
    return pages.private(request, sparse(render_webhook(found), tree))


@router.patch(
    "/{webhook_id}/",
    response_model=WebhookTold,
    **route(body=WebhookPatch, signed_in=True, errors=(403, 404, 409)),
)
async def change_webhook(request: Request, webhook_id: str) -> Response:
    """Change a webhook, or its secret, which is told in the answer then."""
    caller = staff(request, Role.OWNER)
    sought = identity(webhook_id, "webhook")
    wish = await body.read(request, WebhookPatch)
    if wish.url is not None:
        await _check(request, wish.url)
    secret = _new_secret() if wish.rotate_secret else None
    topics = None if wish.topics is None else tuple(wish.topics)
    change = rows.Change(wish.url, topics, wish.active, secret)
    if not any(each is not None for each in change):
        raise Invalid("Name url, topics, active or rotate_secret to change.", "empty")
    changed = await services(request).database.run(rows.change, sought, change, caller.user.id)
    return json(render_webhook(changed) | {"secret": secret})


@router.delete(
    "/{webhook_id}/",
    status_code=204,
    response_class=Response,
    **route(signed_in=True, errors=(403, 404)),
)
async def delete_webhook(request: Request, webhook_id: str) -> Response:
    """Tell a URL nothing more, not even what waits for it."""
    caller = staff(request, Role.OWNER)
    sought = identity(webhook_id, "webhook")
    await services(request).database.run(rows.remove, sought, caller.user.id)
    return Response(status_code=204)


@router.post(
    "/{webhook_id}/test/",
    status_code=202,
    response_model=DeliveryOut,
    **route(signed_in=True, errors=(403, 404, 409)),
)
async def try_webhook(request: Request, webhook_id: str) -> Response:
    """Send a test, the event `ping`, in a moment; the log tells what came of it."""
    caller = staff(request, Role.OWNER)
    sought = identity(webhook_id, "webhook")
    queued = await services(request).database.run(rows.ping, sought, caller.user.id)
    return json(render_delivery(queued), 202)


@router.get(
    "/{webhook_id}/delivery/",
    response_model=list[DeliveryOut],
    **route(signed_in=True, query=DeliveryQuery, errors=(403, 404)),
)
async def list_deliveries(request: Request, webhook_id: str) -> Response:
    """List what a webhook was told, or is to be, the newest events first."""
    staff(request, Role.VIEWER)
    sought = identity(webhook_id, "webhook")
    wish = query.read(request, DeliveryQuery)
    tree = query.fields(wish, DeliveryOut)
    before, limit = id_of(wish.cursor, DELIVERY), limit_of(wish)
    state = None if wish.state is None else State(wish.state)
    found = await services(request).database.run(rows.log, sought, state, limit + 1, before)
    headers = next_by_id(request, DELIVERY, [each.id for each in found], limit)
    rendered = [render_delivery(each) for each in found[:limit]]
    return pages.private(request, sparse(rendered, tree), headers)


@router.post(
    "/{webhook_id}/delivery/{delivery_id}/redeliver/",
    status_code=202,
    response_model=DeliveryOut,
    **route(signed_in=True, errors=(403, 404, 409)),
)
async def redeliver(request: Request, webhook_id: str, delivery_id: str) -> Response:
    """Send an event again in a moment, however its delivery stands."""
    caller = staff(request, Role.OWNER)
    sought, event = identity(webhook_id, "webhook"), identity(delivery_id, "delivery")
    queued = await services(request).database.run(rows.redeliver, sought, event, caller.user.id)
    return json(render_delivery(queued), 202)


async def _check(request: Request, url: str) -> None:
    """Raise `Invalid` for a URL that may not be told anything; the dispatcher looks again."""
    address = address_of(url)
    try:
        async with asyncio.timeout(LOOK_UP_S):
            await services(request).resolver.resolve(address)
    except TimeoutError:
        raise Invalid.of("url", f"the host {address.host} is not found in time.") from None


def _new_secret() -> str:
    return f"whsec_{secrets.token_urlsafe(32)}"
