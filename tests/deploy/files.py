"""What stands in `deploy/` and beside it, read for tests."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pearshop.telemetry import metrics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
METRICS = {each.name for each in metrics.ALL}


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
