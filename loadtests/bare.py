"""A write without the shop's front: a constant answer once the cart actor has really done it.

The floor's way through Serve and FastAPI, then the shop's own way to the cart host, the `Database`
replica and the disk. No token, body, key of the client's, product or line is read or written here,
so a front is hardly quicker: what this reaches is about the most that a better `Api` could.
"""

import os
import time
from itertools import count

from fastapi import FastAPI
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

from loadtests.floor_answers import LINE, ORDER
from pearshop.actors.carts import Carts
from pearshop.actors.messages import Call
from pearshop.actors.ray_database import RayDatabase
from pearshop.actors.ray_host import RayHosts
from pearshop.db import placement
from pearshop.db.order import PlaceOrder
from pearshop.db.placement import Placement
from pearshop.deployments.release import release_of
from pearshop.domain.cart import AddLine, CartCommand, split_line_id
from pearshop.errors import Refused, Unavailable
from pearshop.settings import settings

ADDRESS = "1 Orchard Lane"
api = FastAPI()


@serve.deployment
@serve.ingress(api)
class Bare:
    """Hands commands to the cart actors."""

    def __init__(self) -> None:
        configured = settings()
        self._timeout = configured.request_timeout
        self._database = RayDatabase.connect(self._timeout)
        self._hosts = RayHosts(release_of(configured))
        self._carts = Carts(self._hosts, Placement(0, 1), self._look)
        self._ready = False
        self._key, self._keys = os.urandom(8), count()

    @api.post("/add/{user}/{product}/")
    async def add(self, request: Request) -> Response:
        """Put one piece of a product into a cart."""
        wish = AddLine(int(request.path_params["product"]), 1)
        return await self._do(int(request.path_params["user"]), wish, LINE)

    @api.post("/order/{lines}/")
    async def order(self, request: Request) -> Response:
        """Order lines of a cart, their ids by comma."""
        lines = [split_line_id(int(each)) for each in request.path_params["lines"].split(",")]
        user = lines[0][0]
        numbers = tuple(number for _, number in lines)
        wish = PlaceOrder(user, "", self._new_key(), b"", numbers, ADDRESS)
        return await self._do(user, wish, ORDER, wish.key)

    async def _do(
        self, user: int, wish: CartCommand | PlaceOrder, answer: bytes, key: bytes = b""
    ) -> Response:
        if not self._ready:
            await self._look()
            await self._hosts.greet(self._carts.placement)
            self._ready = True
        deadline = time.time() + self._timeout
        try:
            await self._carts.execute(Call(user, wish, key or self._new_key(), b"", deadline))
        except (Refused, Unavailable) as error:
            return Response(str(error), 503)
        return Response(answer, 201, media_type="application/json")

    def _new_key(self) -> bytes:
        return self._key + next(self._keys).to_bytes(8)

    async def _look(self) -> None:
        self._carts.move((await self._database.run(placement.pulse, None)).placement)


app = Bare.bind()  # type: ignore[attr-defined]
