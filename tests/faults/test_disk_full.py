"""The disk of the state folder runs full under load, and has room again later."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from loadtests.reconcile import take_baseline
from pearshop.db.embedded_server import free_port
from tests.faults.audit import audit
from tests.faults.plant import Plant
from tests.faults.shoppers import Load
from tests.faults.table import Row
from tests.faults.test_faults import SHORT, STOCKS
from tests.waiting import wait_for

DISK = "320m"
"""Room for a new PostgreSQL and some work."""


@pytest.fixture
def small_disk(own_folder: Path) -> Iterator[Path]:
    """A folder that is a disk of its own. Skips where none may be mounted."""
    folder = own_folder / "small-disk"
    folder.mkdir(mode=0o755)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "pearshop-tests", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no right to mount a small disk here: run as root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_loses_nothing_and_heals(small_disk: Path, rows: list[Row]) -> None:
    plant = Plant(small_disk / "state", free_port(), {})
    plant.up()
    try:
        products = plant.put_on_sale(STOCKS)
        with plant.engine() as engine, engine.connect() as connection:
            before = take_baseline(connection)
        with Load(plant.url, before, products, shoppers=SHORT[0]) as load:
            load.await_acknowledged(5)
            with _filled(small_disk):
                wait_for(lambda: load.history.counts().failed_cleanly > 20, "the disk to be felt")
            load.await_acknowledged(5)
        with plant.engine() as engine, engine.connect() as connection:
            findings = audit(connection, load.history, load.read_cart)
    finally:
        plant.down()
    history = load.history
    row = Row("the state folder's disk full", history.counts(), history.improper(), findings)
    rows.append(row)
    assert row.ok, [finding.summary() for finding in findings if not finding.ok] + row.failed()


@contextmanager
def _filled(folder: Path) -> Iterator[None]:
    """Leave no room on a disk for the time of the block."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))
    try:
        yield
    finally:
        filler.unlink()
