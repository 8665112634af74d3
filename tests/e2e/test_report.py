"""The dashboard's figures, as staff see them while shoppers order and cancel."""

import itertools
from typing import Any

from pearshop.schemas.report import ReportOut
from tests.e2e.conftest import Caller, Shop
from tests.e2e.test_cart import add, order
from tests.waiting import wait_for

ZONES = itertools.cycle(("UTC", "Europe/London", "Asia/Kolkata", "America/New_York"))
DAYS = itertools.cycle(range(1, 91))


def report(caller: Caller) -> dict[str, Any]:
    """A report that no replica has made in the last seconds."""
    answer = caller.get(f"/api/report/?zone={next(ZONES)}&days={next(DAYS)}&low=3")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    ReportOut.model_validate(told)
    return told


def test_a_report_follows_orders_and_cancellings(shop: Shop) -> None:
    shopper, pear = shop.shopper(), shop.product(price=1_000, stock=1_000)
    before = report(shop.staff)
    placed = [order(shopper, add(shopper, pear, 300)) for _ in range(3)]

    def told(status: str, orders: int) -> bool:
        now = report(shop.staff)
        month, was = now["last_30_days"], before["last_30_days"]
        best = next((e for e in now["best_sellers"] if e["id"] == pear["id"]), {"pieces": 0})
        return (
            now["statuses"][status] > before["statuses"][status]
            and month["orders"] - was["orders"] == orders
            and month["revenue"] - was["revenue"] == orders * 300_000
            and best["pieces"] == orders * 300
        )

    wait_for(lambda: told("placed", 3), "the orders")
    path = f"/api/order/{placed[0]['id']}/"
    assert shop.staff.patch(path, {"status": "cancelled"}).status_code == 200
    wait_for(lambda: told("cancelled", 2), "the cancelling")
    assert shopper.get("/api/report/").status_code == 403
    assert shop.visitor.get("/api/report/").status_code == 401
