"""The shop's contract in memory behind a real HTTP server, with faults to order."""

import asyncio
from collections.abc import Iterator
from itertools import repeat
from typing import Any

from aiohttp import web

from loadtests.book import Acknowledged
from pearshop.domain.cart import line_id
from tests.faults.history import Add, CartCommand, Change, Line, Order, Remove
from tests.faults.linearizable import Cart, apply

PRICE = 10
OK, BUSY, BARE, GATEWAY, LOST, HANG, GARBLED, EXPIRED = range(8)
"""What befalls a request: nothing; 503 with advice; 503 without; 502; it is carried out and its
answer lost, never sent, or unreadable; its token is no longer good."""
Reply = tuple[int, Any]


class FakeShop:
    """`faults` befall the requests to carts and orders, `sign_in_faults` the others."""

    def __init__(self) -> None:
        self.faults: Iterator[int] = repeat(OK)
        self.sign_in_faults: Iterator[int] = repeat(OK)
        self.carts: dict[str, Cart] = {}
        self.orders: list[Acknowledged] = []
        self.repeats = 0
        self.renewals = 0
        self._expired: set[str] = set()
        self._done: dict[str, Reply] = {}

    def app(self) -> web.Application:
        """Return the server."""
        app = web.Application()
        app.router.add_post("/api/{what:register|login|token/refresh}/", self._sign_in)
        app.router.add_route("*", "/api/order-item/", self._command)
        app.router.add_route("*", "/api/order-item/{line}/", self._command)
        app.router.add_post("/api/order/", self._command)
        return app

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        match request.match_info["what"]:
            case "register" if body["username"] in self.carts:
                reply: Reply = 400, {"code": "username_taken"}
            case "register":
                owner = len(self.carts) + 1
                self.carts[body["username"]] = Cart(line_id(owner, 1))
                reply = 201, {"username": body["username"]}
            case "login":
                reply = 200, {"access": f"{body['username']} first", "refresh": body["username"]}
            case _:
                self.renewals += 1
                reply = 200, {"access": f"{body['refresh']} {self.renewals}"}
        return await self._send(request, reply, next(self.sign_in_faults))

    async def _command(self, request: web.Request) -> web.StreamResponse:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        fault = OK if token in self._expired else next(self.faults)
        if fault == EXPIRED:
            self._expired.add(token)
        if token in self._expired:
            return web.json_response({"code": "token_invalid"}, status=401)
        if fault in {BUSY, BARE, GATEWAY}:
            return await self._send(request, (0, None), fault)
        return await self._send(request, await self._carry_out(request, token.split()[0]), fault)

    async def _send(self, request: web.Request, reply: Reply, fault: int) -> web.StreamResponse:
        if fault == BUSY:
            told = {"code": "unavailable", "safe_to_repeat": True}
            return web.json_response(told, status=503, headers={"Retry-After": "0"})
        if fault == BARE:
            return web.Response(status=503, text="No server is available.")
        if fault == GATEWAY:
            return web.Response(status=502)
        if fault == GARBLED:
            return web.Response(status=reply[0], text="{")
        if fault == HANG:
            await asyncio.sleep(60)
        if fault == LOST:
            assert request.transport is not None
            request.transport.close()
        return web.json_response(reply[1], status=reply[0])

    async def _carry_out(self, request: web.Request, name: str) -> Reply:
        if request.method == "GET":
            return 200, [_line(line) for line in self.carts[name].lines]
        key = request.headers["Idempotency-Key"]
        if key in self._done:
            self.repeats += 1
            return self._done[key]
        command = await _command_of(request)
        result = apply(self.carts[name], command)
        if isinstance(result, str):
            return 404, {"code": result}
        self.carts[name], answer = result
        self._done[key] = self._reply(name, command, answer)
        return self._done[key]

    def _reply(self, name: str, command: CartCommand | Order, answer: Any) -> Reply:
        if isinstance(command, Remove):
            return 204, None
        if isinstance(command, Order):
            total = sum(PRICE * line.quantity for line in answer)
            order_id = len(self.orders) + 1
            self.orders.append(Acknowledged(order_id, name, total, ()))
            items = [_line(line) for line in answer]
            user = {"username": name}
            return 201, {"id": order_id, "user": user, "total_price": total, "order_items": items}
        return 201, _line(answer)


async def _command_of(request: web.Request) -> CartCommand | Order:
    body = await request.json() if request.can_read_body else {}
    line = int(request.match_info.get("line", 0))
    match request.method, request.path:
        case "POST", "/api/order/":
            return Order(tuple(body["order_item_ids"]), body["delivery_address"])
        case "POST", _:
            return Add(body["product_id"], body["quantity"])
        case "PATCH", _:
            return Change(line, body["quantity"], body.get("product_id"))
        case _:
            return Remove(line)


def _line(line: Line) -> dict[str, Any]:
    product = {"id": line.product_id, "price": PRICE}
    return {"id": line.id, "product": product, "quantity": line.quantity}
