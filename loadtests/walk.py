"""Shoppers who come round again and again: each adds, looks, and at times changes or orders."""

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from loadtests.accounts import Wallet
from loadtests.client import Answer, Api, GaveUpError
from pearshop.domain.user import User

LINES = "/api/order-item/"
ORDERS = "/api/order/"
EXPECTED = {"add": 201, "read": 200, "change": 200, "remove": 204, "order": 201}
LAG_S = 1.0
"""A rate that was missed for longer is not made up for."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a shopper sends; `key` makes a repeat safe."""

    kind: str
    method: str
    path: str
    body: Any = None
    key: str = ""


class Walk:
    """Visits by all shoppers in turn, at no more than `rate` requests a second.

    `problems` counts answers that were not expected.
    """

    def __init__(
        self,
        api: Api,
        wallet: Wallet,
        shoppers: Sequence[User],
        products: Sequence[int],
        rate: float,
    ) -> None:
        self._api = api
        self._wallet = wallet
        self._shoppers = cycle(shoppers)
        self._products = products
        self._gap = 1 / rate
        self._due = 0.0
        self._name = secrets.token_hex(4)
        self.visits = 0
        self.problems: Counter[str] = Counter()

    async def run(self, at_once: int) -> None:
        """Walk until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(self._visit_all())

    async def _visit_all(self) -> None:
        for shopper in self._shoppers:
            self.visits += 1
            try:
                await self._visit(shopper, f"{self._name}-{self.visits}")
            except GaveUpError as error:
                self.problems[str(error)] += 1

    async def _visit(self, shopper: User, name: str) -> None:
        wish = {"product_id": random.choice(self._products), "quantity": 1}
        added = await self._send(shopper, Request("add", "POST", LINES, wish, f"{name}-add"))
        lines = await self._send(shopper, Request("read", "GET", LINES))
        if added is None or lines is None:
            return
        path, key = f"{LINES}{added.body['id']}/", f"{name}-then"
        match random.randrange(8):
            case 0:
                change = {"quantity": 2}
                await self._send(shopper, Request("change", "PATCH", path, change, key))
            case 1:
                await self._send(shopper, Request("remove", "DELETE", path, None, key))
            case 2:
                ids = [line["id"] for line in lines.body]
                order = {"delivery_address": "1 Orchard Lane", "order_item_ids": ids}
                await self._send(shopper, Request("order", "POST", ORDERS, order, key))

    async def _send(self, shopper: User, request: Request) -> Answer | None:
        """Send when it is time; return the answer if it is the one expected."""
        await self._turn()
        headers = {"Authorization": f"Bearer {self._wallet.token(shopper)}"}
        if request.key:
            headers["Idempotency-Key"] = request.key
        kind = request.kind
        answer = await self._api.send(kind, request.method, request.path, request.body, headers)
        if answer.status == EXPECTED[kind]:
            return answer
        self.problems[f"{kind}: {answer.problem()}"] += 1
        return None

    async def _turn(self) -> None:
        now = time.monotonic()
        self._due = max(self._due + self._gap, now - LAG_S)
        await asyncio.sleep(max(0.0, self._due - now))
