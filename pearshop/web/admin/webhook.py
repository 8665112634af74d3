"""Webhooks: who is told of orders, and what they were told."""

import asyncio

from starlette.responses import Response
from starlette.routing import Route

from pearshop.client.problem import fields_of
from pearshop.client.webhook import Webhook
from pearshop.domain.webhook import MAX_URL, TOPICS
from pearshop.errors import Conflict, Invalid
from pearshop.web.admin import forms
from pearshop.web.admin.desk import Desk, for_staff
from pearshop.web.admin.forms import Words
from pearshop.web.admin.trail import Trail

PAGE = 50
STATES = ("pending", "delivered", "failed")
FILTERS = ("state",)


async def show_list(desk: Desk) -> Response:
    """List the webhooks."""
    return await _list(desk, "", TOPICS, Words())


async def create(desk: Desk) -> Response:
    """Have a URL told of events; its secret is shown this once."""
    form = await forms.read(desk.request)
    topics = [each for each in TOPICS if each in form.all("topic")]
    problems = Words()
    if not form["url"]:
        problems["url"] = "Give the address that is to be told, like https://books.example/orders."
    if not topics:
        problems["topics"] = "Choose at least one event."
    if not problems:
        try:
            return _secret(desk, await desk.client.webhooks.create(form["url"], topics))
        except (Invalid, Conflict) as error:
            problems["url"] = (
                f"This {said}" if (said := fields_of(error).get("url")) else str(error)
            )
    return await _list(desk, form["url"], topics, problems, status=400)


async def _list(
    desk: Desk, url: str, topics: object, problems: Words, *, status: int = 200
) -> Response:
    return desk.page(
        "webhooks.html",
        status=status,
        webhooks=await desk.client.webhooks.list(),
        url=url,
        topics=topics,
        all_topics=TOPICS,
        longest=MAX_URL,
        problems=problems,
    )


def _secret(desk: Desk, webhook: Webhook) -> Response:
    return desk.page("webhook_secret.html", webhook=webhook)


async def show(desk: Desk) -> Response:
    """Show a webhook and what it was told."""
    query = forms.query(desk.request)
    filters, trail = query.filled(FILTERS), Trail.of(query)
    state = next((each for each in STATES if each == filters["state"]), None)
    webhook, log = await asyncio.gather(
        desk.client.webhooks.get(_id(desk)),
        desk.client.webhooks.deliveries(_id(desk), state=state, limit=PAGE, cursor=trail.cursor),
    )
    return desk.page(
        "webhook.html",
        webhook=webhook,
        deliveries=log.items,
        filters=filters,
        states=STATES,
        trail=trail,
        next=trail.next(filters, log.next),
        previous=trail.previous(filters),
    )


async def change(desk: Desk) -> Response:
    """Switch a webhook on or off, test it, make another secret, or remove it."""
    form = await forms.read(desk.request)
    path = f"/webhook/{_id(desk)}"
    webhooks = desk.client.webhooks
    try:
        match form["do"]:
            case "on" | "off" as switch:
                await webhooks.switch(_id(desk), active=switch == "on")
                return desk.go(path, f"It is switched {switch}.")
            case "test":
                await webhooks.test(_id(desk))
                return desk.go(path, "A test is sent in a moment: reload to see what came of it.")
            case "rotate":
                return _secret(desk, await webhooks.rotate(_id(desk)))
            case "remove":
                await webhooks.remove(_id(desk))
                return desk.go("/webhook/", "The webhook is removed. It is told nothing more.")
    except Conflict as error:
        return desk.go(path, error.detail, good=False)
    raise Invalid("Choose what is to become of the webhook.")


async def redeliver(desk: Desk) -> Response:
    """Send an event again."""
    event: int = desk.request.path_params["event"]
    path = f"/webhook/{_id(desk)}"
    try:
        await desk.client.webhooks.redeliver(_id(desk), event)
    except Conflict as error:
        return desk.back(path, error.detail, good=False)
    return desk.back(path, f"Event {event} is sent again in a moment.")


def _id(desk: Desk) -> int:
    found: int = desk.request.path_params["id"]
    return found


routes = [
    Route("/webhook/", for_staff(show_list), methods=["GET"]),
    Route("/webhook/", for_staff(create), methods=["POST"]),
    Route("/webhook/{id:int}", for_staff(show), methods=["GET"]),
    Route("/webhook/{id:int}", for_staff(change), methods=["POST"]),
    Route("/webhook/{id:int}/{event:int}", for_staff(redeliver), methods=["POST"]),
]
