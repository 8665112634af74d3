"""Webhooks of a running shop: from an order over HTTP to a receiver that checks the signature."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.e2e.conftest import Shop
from tests.e2e.test_cart import add, order
from tests.receiver import Receiver, receiving
from tests.waiting import wait_for
from tests.webhooks.test_message import verify

HOOKS = "/api/webhook/"


@pytest.fixture
def receivers() -> Iterator[Callable[..., Receiver]]:
    with ExitStack() as running:
        yield lambda **how: running.enter_context(receiving(**how))


@pytest.fixture
def subscribe(shop: Shop) -> Iterator[Callable[..., dict[str, Any]]]:
    """Adds webhooks, and takes them away at the end."""
    made: list[int] = []

    def add_one(url: str, **members: Any) -> dict[str, Any]:
        answer = shop.staff.post(HOOKS, {"url": url} | members)
        assert answer.status_code == 201, answer.text
        webhook: dict[str, Any] = answer.json()
        made.append(webhook["id"])
        return webhook

    yield add_one
    for each in made:
        assert shop.staff.delete(f"{HOOKS}{each}/").status_code == 204


def place(shop: Shop) -> int:
    """Order something; return the order's number."""
    shopper = shop.shopper()
    return int(order(shopper, add(shopper, shop.product()))["id"])


def told(receiver: Receiver) -> list[tuple[str, int]]:
    """Return topic and order of what came, in its order."""
    return [(each.event["topic"], each.event["data"]["order_id"]) for each in receiver.received]


def log(shop: Shop, webhook: dict[str, Any], **query: str) -> list[dict[str, Any]]:
    answer = shop.staff.get(f"{HOOKS}{webhook['id']}/delivery/", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def wait_until_told(shop: Shop, webhook: dict[str, Any], count: int) -> list[dict[str, Any]]:
    wait_for(lambda: len(log(shop, webhook, state="delivered")) >= count, f"{count} deliveries")
    return log(shop, webhook, state="delivered")


def test_what_happens_to_an_order_arrives_signed_and_in_order(
    shop: Shop, receivers: Callable[..., Receiver], subscribe: Callable[..., dict[str, Any]]
) -> None:
    receiver = receivers()
    webhook = subscribe(receiver.url)
    placed = place(shop)
    for status in ("packed", "shipped", "delivered"):
        moved = shop.staff.patch(f"/api/order/{placed}/", {"status": status})
        assert moved.status_code == 200, moved.text
    wait_until_told(shop, webhook, 4)
    topics = ("order.placed", "order.packed", "order.shipped", "order.delivered")
    assert told(receiver) == [(topic, placed) for topic in topics]
    for each in receiver.received:
        signature = each.headers["PearShop-Signature"]
        assert verify()(webhook["secret"], signature, each.body)
        assert not verify()("whsec_another", signature, each.body)
        assert each.headers["PearShop-Topic"] == each.event["topic"]
        assert each.headers["PearShop-Event-Id"] == str(each.event["id"])


def test_one_that_fails_twice_is_told_at_the_third_time(
    shop: Shop, receivers: Callable[..., Receiver], subscribe: Callable[..., dict[str, Any]]
) -> None:
    receiver = receivers()
    receiver.statuses.extend([500, 500])
    webhook = subscribe(receiver.url, topics=["order.placed"])
    placed = place(shop)
    [done] = wait_until_told(shop, webhook, 1)
    assert (done["order_id"], done["attempts"], done["last_status"]) == (placed, 3, 204)
    assert receiver.ids == [done["id"]] * 3


def test_a_dead_and_a_slow_one_delay_no_other(
    shop: Shop, receivers: Callable[..., Receiver], subscribe: Callable[..., dict[str, Any]]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        dead = f"http://127.0.0.1:{server.getsockname()[1]}/"
    slow, well = receivers(open_gate=False), receivers()
    ill = [subscribe(url, topics=["order.placed"]) for url in (dead, slow.url)]
    webhook = subscribe(well.url, topics=["order.placed"])
    placed = [place(shop) for _ in range(4)]
    wait_until_told(shop, webhook, 4)
    assert told(well) == [("order.placed", each) for each in placed]
    assert slow.most_under_way == 1
    for each in ill:
        assert log(shop, each, state="delivered") == []
    wait_for(
        lambda: shop.staff.get(f"{HOOKS}{ill[0]['id']}/").json()["failing_since"],
        "the dead one to be shown as failing",
    )
    shown = shop.staff.get(f"{HOOKS}{ill[0]['id']}/").json()
    assert (shown["active"], shown["waiting"]) == (True, 4)


def test_redelivery_and_a_test(
    shop: Shop, receivers: Callable[..., Receiver], subscribe: Callable[..., dict[str, Any]]
) -> None:
    receiver = receivers()
    webhook = subscribe(receiver.url, topics=["order.placed"])
    place(shop)
    [first] = wait_until_told(shop, webhook, 1)
    address = f"{HOOKS}{webhook['id']}/delivery/{first['id']}/redeliver/"
    assert shop.staff.post(address).status_code == 202
    wait_for(lambda: len(receiver.received) == 2, "the event to come again")
    assert receiver.ids == [first["id"]] * 2
    assert receiver.received[0].body == receiver.received[1].body
    tried = shop.staff.post(f"{HOOKS}{webhook['id']}/test/")
    assert tried.status_code == 202, tried.text
    wait_for(lambda: len(receiver.received) == 3, "the test")
    assert receiver.received[-1].event["topic"] == "ping"


def test_a_dispatcher_that_dies_loses_nothing(
    shop: Shop, receivers: Callable[..., Receiver], subscribe: Callable[..., dict[str, Any]]
) -> None:
    from pearshop.launcher.processes import kill, session_members

    receiver = receivers(open_gate=False)
    webhook = subscribe(receiver.url, topics=["order.placed"])
    placed = [place(shop) for _ in range(2)]
    wait_for(lambda: receiver.received, "the first event to be under way")
    name = "ray::ServeReplica:pearshop:Webhooks"
    members = session_members([shop.run["pids"]["ray"]])
    dispatchers = [each for each in members if "".join(each.cmdline()).startswith(name)]
    assert len(dispatchers) == 1
    kill(dispatchers)
    receiver.gate.set()
    wait_until_told(shop, webhook, 2)
    first, *others = told(receiver)
    assert first == ("order.placed", placed[0])
    again = [order_id for _, order_id in others]
    assert again == placed  # the first one, too, for nobody noted that it had arrived
