"""A shop of one's own with the floor beside it, as a second application of its Serve instance."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from loadtests.shop import own_shop
from pearshop.launcher import config
from pearshop.launcher.dashboard import Dashboard
from pearshop.launcher.state import Run

ROOT = Path(__file__).parents[1]
FLOOR = "/floor"
FLOOR_ADD = f"{FLOOR}/order-item/"
OWN_SERVERS = {"PEARSHOP_DATABASE_URL": "", "PEARSHOP_REDIS_URL": ""}
"""Settings that make a shop start servers of its own, whatever our environment names."""


@contextmanager
def shop_and_floor(state: Path) -> Iterator[Run]:
    """Run an empty shop with the floor beside it."""
    with own_shop(state, {"PYTHONPATH": str(ROOT), **OWN_SERVERS}) as run:
        _deploy_floor(run)
        yield run


def _deploy_floor(run: Run) -> None:
    description = config.load("127.0.0.1", httpx.URL(run.api_url).port or 80)
    shop = description["applications"][0]
    api = next(each for each in shop["deployments"] if each["name"] == "Api")
    floor = {key: value for key, value in api.items() if key != "user_config"}
    description["applications"].append(
        {
            "name": "floor",
            "route_prefix": FLOOR,
            "import_path": "loadtests.floor:app",
            # As the shop's: or else Serve logs a record for each of the floor's requests.
            "logging_config": shop["logging_config"],
            "deployments": [floor | {"name": "Floor"}],
        }
    )
    dashboard = Dashboard(run.dashboard_url)
    dashboard.deploy(description, 120)
    floor_url = run.api_url + FLOOR_ADD
    while not (dashboard.is_running("floor") and httpx.post(floor_url).status_code == 201):
        time.sleep(0.2)
