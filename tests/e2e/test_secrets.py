"""No secret and nothing personal in any log, whatever the shop is sent."""

import contextlib
from pathlib import Path

import httpx

from pearshop.launcher.state import StateFolder
from tests.e2e.conftest import STAFF_PASSWORD, Shop
from tests.e2e.test_cart import add

PASSWORD = "a password that no log may have"
ADDRESS = "Secretary's Lane 7, no log may have it"
KEY = "key-that-no-log-may-have"


def _logs(shop: Shop) -> list[Path]:
    runtime = StateFolder(shop.state).runtime
    names = ("*.log", "*.log.*", "*.out", "*.err", "log", "*_log", "*.txt")
    return [
        file
        for folder in (shop.state, runtime)
        for name in names
        for file in folder.rglob(name)
        if file.is_file()
    ]


def test_no_log_has_any(shop: Shop) -> None:
    assert_no_log_has_any(shop)


def assert_no_log_has_any(shop: Shop) -> None:
    """Have a shop sent secrets, by mistake too, and look into all of its logs."""
    who = {"username": f"{shop.shopper().username}-discreet", "password": PASSWORD}
    assert shop.visitor.post("/api/register/", who).status_code == 201
    shopper = shop.sign_in(**who)
    access, refresh = shopper.tokens["access"], shopper.tokens["refresh"]
    line = add(shopper, shop.product())
    placed = {"delivery_address": ADDRESS, "order_item_ids": [line["id"]]}
    ordered = shopper.post("/api/order/", placed, headers={"Idempotency-Key": KEY})
    assert ordered.status_code == 201
    # Mistakes that clients make with them, faults of the shop's own included.
    for answer in (
        shop.visitor.post("/api/login/", who | {"password": PASSWORD + " "}),
        shop.visitor.get("/api/product/", params={"password": PASSWORD, "token": access}),
        shop.visitor.get(f"/api/order/{access}/"),
        shopper.call("POST", "/api/login/", content=f'{{"password": "{PASSWORD}"'),
        shop.visitor.post("/api/token/refresh/", {"refresh": refresh + "x"}),
        shopper.get("/api/check/", headers={"Authorization": f"Basic {access}"}),
    ):
        assert 400 <= answer.status_code < 500
    with contextlib.suppress(httpx.HTTPError):
        shopper.get("/api/check/", headers={"X-Long": access * 100}, timeout=5)

    key = (shop.state / "signing-key").read_text().strip()
    secrets = (PASSWORD, STAFF_PASSWORD, ADDRESS, KEY, access, refresh, key)
    logs = _logs(shop)
    assert len(logs) > 10
    found = {
        (str(log), secret)
        for log in logs
        for secret in secrets
        if secret.encode() in log.read_bytes()
    }
    assert found == set()
