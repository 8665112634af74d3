"""A shop with a read replica: who reads there, and what becomes of a dead one."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from pearshop.db.embedded import EmbeddedPostgres
from pearshop.settings import sqlalchemy_url
from tests.e2e.conftest import Shop, pearshop, running_shop
from tests.standby import Standby
from tests.waiting import wait_for

SCANS = "SELECT sum(seq_scan + idx_scan) FROM pg_stat_user_tables WHERE relname = :table"


@pytest.fixture
def standby(own_folder: Path) -> Iterator[Standby]:
    with (
        EmbeddedPostgres(own_folder / "primary") as primary,
        Standby(own_folder / "standby", primary.url) as server,
    ):
        yield server


@pytest.fixture
def replicated(own_folder: Path, standby: Standby) -> Iterator[Shop]:
    """A shop of its own that reads from the standby."""
    with running_shop(
        own_folder / "replicated",
        PEARSHOP_DATABASE_URL=standby.primary_url,
        PEARSHOP_DATABASE_REPLICA_URLS=standby.url,
    ) as running:
        yield running


def scans(standby: Standby, table: str) -> int:
    """Return how often a table was read on the standby."""
    engine = create_engine(sqlalchemy_url(standby.url))
    with engine.connect() as connection:
        found = connection.execute(text(SCANS), {"table": table}).scalar_one()
    engine.dispose()
    return int(found or 0)


def status(shop: Shop) -> "subprocess.CompletedProcess[str]":
    return pearshop("status", "--state-dir", str(shop.state), COLUMNS="300")


def test_reads_go_to_the_replica_and_nobody_misses_what_they_wrote(
    replicated: Shop, standby: Standby
) -> None:
    shop, sought = replicated, iter(range(1, 500))
    reader = shop.shopper()

    def read(path: str, table: str) -> bool:
        before = scans(standby, table)
        answer = reader.get(f"/api/{path}/", params={"limit": next(sought)})
        assert answer.status_code == 200
        return scans(standby, table) > before

    wait_for(lambda: read("product", "products"), "the catalogue is read there")
    wait_for(lambda: read("order", "orders"), "orders are read there")

    buyer = shop.shopper()
    for number in range(20):
        product = shop.product(name=f"Pear {number}")
        assert shop.staff.get("/api/product/").json()[0]["id"] == product["id"]
        line = buyer.post("/api/order-item/", {"product_id": product["id"], "quantity": 1}).json()
        order = {"delivery_address": "Here", "order_item_ids": [line["id"]]}
        placed = buyer.post("/api/order/", order).json()
        assert buyer.get("/api/order/").json()[0]["id"] == placed["id"]
        assert buyer.get(f"/api/order/{placed['id']}/").json() == placed

    assert "is used" in status(shop).stdout
    standby.kill()
    for _ in range(20):
        assert reader.get("/api/order/").status_code == 200
        assert reader.get("/api/product/", params={"limit": next(sought)}).status_code == 200
    told = status(shop)
    assert told.returncode == 1
    assert "is left out: it does not answer" in told.stdout
    standby.start()
    wait_for(lambda: read("order", "orders"), "it is taken back")
