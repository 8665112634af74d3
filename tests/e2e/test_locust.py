"""The load under locust, as its user starts it: every answer checked, and a table at the end.

Locust patches the standard library when it is imported, so it runs in processes of its own.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import STAFF_PASSWORD, Shop

ROOT = Path(__file__).parents[2]
WRONG = """
from loadtests.users.cart import _is_line
from loadtests.users.shopper import _is_page

line = {"product": {"id": 7, "price": 5}, "quantity": 2, "total_price": 10}
assert _is_line(7, 2)(line) == ""
for change in ({"quantity": 3}, {"total_price": 11}, {"product": {"id": 8, "price": 5}}):
    assert _is_line(7, 2)(line | change)
assert _is_page([]) == ""
assert _is_page({"detail": "no"})
assert _is_page([{"id": 1}])
"""


def _locust(shop: Shop, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary"]
    return subprocess.run(
        [
            *command,
            *("--host", shop.run["api_url"], "--staff-username", shop.run["staff_username"]),
            *("--staff-password", STAFF_PASSWORD, *options),
        ],
        cwd=ROOT,  # where it finds its file by itself
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _rows(printed: str) -> dict[str, tuple[int, int]]:
    """Answers and wrong ones by request, of the table at the end."""
    found = re.findall(r"^\| ([^|]+) \| ([\d,]+) \| ([\d,]+) \|", printed, re.MULTILINE)
    return {name: (int(a.replace(",", "")), int(b.replace(",", ""))) for name, a, b in found}


def test_shoppers_and_staff(shop: Shop) -> None:
    for number in range(3):
        shop.product(name=f"Locust bean {number}", stock=10_000)
    kinds = ("Shopper", "CartHeavy", "Staff")
    done = _locust(shop, "-u", "6", "-r", "6", "-t", "8s", *kinds)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = _rows(done.stdout)
    assert {"register", "login", "add", "browse", "staff: table"} <= rows.keys()
    assert not [name for name, (_, wrong) in rows.items() if wrong]
    assert re.search(r"\d good answers in \d+ s: \d+/s; \d+ refused, 0 wrong", done.stdout)


def test_a_flash_sale_sells_what_there_is(shop: Shop) -> None:
    sale = ("--flash-stock", "4", "FlashSale")
    done = _locust(shop, "-u", "9", "-r", "9", "-t", "20s", *sale)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Flash sale: 4 of 4 sold to 9 who came." in done.stdout
    assert _rows(done.stdout)["order, out_of_stock"] == (5, 0)


@pytest.mark.parametrize("shape", ["ramp", "spike", "soak"])
def test_shapes_are_found_and_users_listed(shape: str) -> None:
    files = f"loadtests/locustfile.py,loadtests/shapes/{shape}.py"
    command = [sys.executable, "-m", "locust", "-f", files, "--list"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for user in ("Shopper", "CartHeavy", "FlashSale", "Staff", "Replay"):
        assert user in listed.stdout


def test_a_wrong_answer_is_noticed() -> None:
    subprocess.run([sys.executable, "-c", WRONG], cwd=ROOT, check=True, timeout=60)
