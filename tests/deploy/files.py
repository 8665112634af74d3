"""What stands in `deploy/` and beside it, read for tests."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
METRICS = {
    *("pearshop_requests_total", "pearshop_request_seconds", "pearshop_sign_ins_total"),
    *("pearshop_cart_commands_total", "pearshop_cart_command_seconds", "pearshop_cart_batch_size"),
    *("pearshop_hot_carts", "pearshop_cart_activations_total", "pearshop_cart_passivations_total"),
    *("pearshop_fenced_writes_total", "pearshop_mailbox_depth", "pearshop_cart_host_starts_total"),
    *("pearshop_orders_placed_total", "pearshop_orders_refused_total"),
    *("pearshop_stock_refusals_total", "pearshop_pool_in_use", "pearshop_pool_size"),
    *("pearshop_pool_wait_seconds", "pearshop_degraded", "pearshop_cache_lookups_total"),
    *("pearshop_replica_used", "pearshop_replica_behind_seconds", "pearshop_limited_total"),
    *("pearshop_webhook_deliveries_total", "pearshop_outbox_age_seconds"),
}


def parsed(name: str) -> Any:
    """Return the YAML file of the repository; each has one document."""
    return yaml.safe_load((ROOT / name).read_text())


def promtool(*arguments: str) -> str:
    """Return what it says; fails with that when it complains. Skips where it is not installed."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def metrics_in(expression: str) -> set[str]:
    """Return the shop's metrics that an expression names, as the shop calls them."""
    names = set(re.findall(r"\bray_(pearshop_\w+)", expression))
    assert names or "ray_pearshop" not in expression
    return {re.sub(r"_(bucket|sum|count)$", "", each) for each in names}
