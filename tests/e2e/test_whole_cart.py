"""The cart as a whole: what stands in its way, how it is followed, what a visitor's becomes."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import PASSWORD, Caller, Shop
from tests.e2e.test_cart import CART, add, cart_of
from tests.waiting import wait_for

WHOLE, EVENTS, MERGE = "/api/cart/", "/api/cart/events/", "/api/cart/merge/"


class Follower:
    """What a stream has sent so far."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.events: list[tuple[int, dict[str, Any]]] = []
        self.ended = threading.Event()

    def read(self) -> None:
        number = 0
        try:
            for line in self.answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    number = int(value)
                elif name == "data":
                    self.events.append((number, json.loads(value)))
        except httpx.HTTPError:
            pass
        self.ended.set()


@contextmanager
def follow(caller: Caller, query: str = "", last: int | None = None) -> Iterator[Follower]:
    headers = {"Authorization": f"Bearer {caller.tokens['access']}"}
    if last is not None:
        headers["Last-Event-ID"] = str(last)
    with (
        httpx.Client(base_url=caller.http.base_url, timeout=40) as http,
        http.stream("GET", EVENTS + query, headers=headers) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        follower = Follower(answer)
        reader = threading.Thread(target=follower.read, daemon=True)
        reader.start()
        yield follower


def _has_seen(follower: Follower, version: int) -> bool:
    return bool(follower.events) and follower.events[-1][0] == version


def guest(shop: Shop) -> Caller:
    answer = shop.http.post("/api/guest/", json={})
    assert answer.status_code == 201, answer.text
    return Caller(shop.http, "", answer.json())


def held(caller: Caller) -> dict[int, int]:
    return {each["product"]["id"]: each["quantity"] for each in cart_of(caller)}


def test_the_cart_comes_whole(shop: Shop) -> None:
    shopper = shop.shopper()
    assert shopper.get(WHOLE).json() == {
        "version": 0,
        "lines": [],
        "total_price": 0,
        "notices": [],
    }
    line = add(shopper, shop.product(price=20), 3)
    whole = shopper.get(WHOLE).json()
    assert whole == {"version": 1, "lines": [line], "total_price": 60, "notices": []}
    tag = shopper.get(WHOLE).headers["ETag"]
    assert shopper.get(WHOLE, headers={"If-None-Match": tag}).status_code == 304


def test_what_stands_in_the_way_is_told(shop: Shop) -> None:
    shopper = shop.shopper()
    short, gone, sold_out = (shop.product(stock=9, price=5) for _ in range(3))
    lines = [add(shopper, each, 3) for each in (short, gone, sold_out)]
    shop.staff.patch(f"/api/product/{short['id']}/", {"stock": 2})
    shop.staff.delete(f"/api/product/{gone['id']}/")
    shop.staff.patch(f"/api/product/{sold_out['id']}/", {"stock": 0})

    def told() -> list[tuple[int, str, int]]:
        return [
            (each["order_item_id"], each["code"], each["available"])
            for each in shopper.get(WHOLE).json()["notices"]
        ]

    expected = [
        (lines[0]["id"], "out_of_stock", 2),
        (lines[1]["id"], "product_gone", 0),
        (lines[2]["id"], "out_of_stock", 0),
    ]
    wait_for(lambda: told() == expected, "the notices")
    assert shopper.get(WHOLE).json()["total_price"] == 30  # without what is gone


def test_two_who_follow_a_cart_see_each_change_in_order(shop: Shop) -> None:
    shopper, product = shop.shopper(), shop.product()
    with follow(shopper) as one, follow(shopper) as other:
        line = add(shopper, product)
        shopper.patch(f"{CART}{line['id']}/", {"quantity": 5})
        for each in (one, other):
            wait_for(lambda: _has_seen(one, 2) and _has_seen(other, 2), "the change")
            assert each.events[-1][1] == shopper.get(WHOLE).json()
            numbers = [number for number, _ in each.events]
            assert numbers == sorted(set(numbers))


def test_a_stream_goes_on_from_the_event_that_was_seen(shop: Shop) -> None:
    shopper, product = shop.shopper(), shop.product()
    line = add(shopper, product)
    with follow(shopper, last=1) as follower:
        shopper.patch(f"{CART}{line['id']}/", {"quantity": 5})
        wait_for(lambda: follower.events, "the change")
        assert [number for number, _ in follower.events] == [2]


def test_staff_follow_a_shopper_s_cart_and_strangers_do_not(shop: Shop) -> None:
    shopper = shop.shopper()
    line = add(shopper, shop.product())
    query = f"?user={line['user']['id']}"
    with follow(shop.staff, query) as follower:
        wait_for(lambda: follower.events, "the cart")
        assert follower.events[0][1] == shopper.get(WHOLE).json()
    for path in (WHOLE, EVENTS):
        assert shop.shopper().get(path + query).json()["code"] == "user_unknown"
        assert shop.visitor.get(path).status_code == 401
    assert shop.staff.get(f"{WHOLE}{query}").json()["lines"] == [line]


def test_a_user_has_few_streams_and_none_in_a_batch(shop: Shop) -> None:
    shopper = shop.shopper()
    calls = {"calls": [{"path": EVENTS}]}
    [answer] = shopper.post("/api/batch/", calls).json()["answers"]
    assert (answer["status"], answer["body"]["code"]) == (400, "stream")


def test_a_visitor_s_cart_goes_into_the_account_once(shop: Shop) -> None:
    pear, plum, visitor, shopper = shop.product(), shop.product(), guest(shop), shop.shopper()
    add(visitor, pear, 2)
    add(visitor, plum, 1)
    add(shopper, pear, 1)
    body = {"guest": visitor.tokens["refresh"]}
    first = shopper.post(MERGE, body)
    assert first.status_code == 200, first.text
    assert held(shopper) == {pear["id"]: 3, plum["id"]: 1}
    shopper.delete(f"{CART}{cart_of(shopper)[1]['id']}/")
    for _ in range(2):
        again = shopper.post(MERGE, body)
        assert again.status_code == 200
    assert held(shopper) == {pear["id"]: 3}
    wait_for(lambda: visitor.get(WHOLE).status_code == 401, "the end of the visitor's session")
    other = shop.shopper().post(MERGE, body)
    assert (other.status_code, other.json()["code"]) == (409, "merged")


def test_only_a_visitor_s_cart_is_merged(shop: Shop) -> None:
    shopper, other = shop.shopper(), shop.shopper()
    answer = shopper.post(MERGE, {"guest": other.tokens["refresh"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_guest")
    assert shopper.post(MERGE, {"guest": "nonsense"}).status_code == 401
    visitor = guest(shop)
    answer = visitor.post(MERGE, {"guest": visitor.tokens["refresh"]})
    assert answer.json()["code"] == "no_guest"


def test_a_session_elsewhere_can_be_ended(shop: Shop) -> None:
    shopper = shop.shopper()
    elsewhere = shop.sign_in(shopper.username, PASSWORD)
    [newest, own] = shopper.get("/api/session/").json()
    assert (newest["current"], own["current"]) == (False, True)
    assert "httpx" in own["device"]
    path = f"/api/session/{newest['id']}/"
    assert shop.shopper().delete(path).status_code == 404
    assert shopper.delete(path).status_code == 204
    wait_for(lambda: elsewhere.get(WHOLE).status_code == 401, "the end of the session")
    refresh = shop.http.post("/api/token/refresh/", json={"refresh": elsewhere.tokens["refresh"]})
    assert refresh.status_code == 401
    assert shopper.get("/api/session/").json() == [own]


@pytest.mark.parametrize("last", ["x", "-1", "9" * 40, "1.5"])
def test_whatever_was_seen_last_the_cart_is_told(shop: Shop, last: str) -> None:
    shopper = shop.shopper()
    headers = {"Last-Event-ID": last, "Authorization": f"Bearer {shopper.tokens['access']}"}
    with shop.http.stream("GET", EVENTS, headers=headers) as answer:
        lines = answer.iter_lines()
        assert "id: 0" in [next(lines) for _ in range(4)]
