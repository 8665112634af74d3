"""A shop of one's own with the floor and the bare writes beside it, applications of its Serve."""

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
BESIDE = {"floor": "Floor", "bare": "Bare"}
"""Application and module, below `loadtests`, and the deployment in it; its routes begin with it."""
OWN_SERVERS = {"PEARSHOP_DATABASE_URL": "", "PEARSHOP_REDIS_URL": ""}
"""Settings that make a shop start servers of its own, whatever our environment names."""


@contextmanager
def shop_and_floor(state: Path) -> Iterator[Run]:
    """Run an empty shop with the others beside it."""
    with own_shop(state, {"PYTHONPATH": str(ROOT), **OWN_SERVERS}) as run:
        _deploy_beside(run)
        yield run


def _deploy_beside(run: Run) -> None:
    description = config.load("127.0.0.1", httpx.URL(run.api_url).port or 80)
    shop = description["applications"][0]
    api = next(each for each in shop["deployments"] if each["name"] == "Api")
    same = {key: value for key, value in api.items() if key != "user_config"}
    for name, deployment in BESIDE.items():
        description["applications"].append(
            {
                "name": name,
                "route_prefix": f"/{name}",
                "import_path": f"loadtests.{name}:app",
                # As the shop's: or else Serve logs a record for each request.
                "logging_config": shop["logging_config"],
                "deployments": [same | {"name": deployment}],
            }
        )
    dashboard = Dashboard(run.dashboard_url)
    dashboard.deploy(description, 120)
    floor_url = f"{run.api_url}/floor/order-item/"
    bare_url = f"{run.api_url}/bare/openapi.json"
    while not (
        all(map(dashboard.is_running, BESIDE))
        and httpx.post(floor_url).status_code == 201
        and httpx.get(bare_url).status_code == 200
    ):
        time.sleep(0.2)
