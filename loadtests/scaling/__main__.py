"""Do replicas, hosts and nodes come and go with the load? `uv run python -m loadtests.scaling`.

Starts a shop on a local cluster whose nodes Ray's fake multi-node provider makes, has locust come
and go (`loadtests/shapes/tide.py`), and waits until everything that came has gone again. Prints
what changed when, and draws it. A cart host is told to keep few carts, so that the carts of some
dozens of users bring more hosts. Exit status 1 when an answer was wrong, or when a part did not
come or not go.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from loadtests.scaling.watch import NAMES, Sample, Watch, changes, plot, read_load
from loadtests.shop import engine_of, running_shop
from loadtests.tables import output
from pearshop.db.embedded_server import free_port
from pearshop.errors import ConfigurationError, PearShopError
from pearshop.launcher.state import Run

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "PEARSHOP_RATE_LIMITS": "off",
    "PEARSHOP_CART_HOT_LIMIT": "80",
    "PEARSHOP_CART_IDLE_SECONDS": "20",
}
EVERY_S = 2.0
START_S = 300.0
GOING_S = 600.0
"""How long the last of what came may take to go."""


@contextmanager
def _shop(state: Path) -> Iterator[Run]:
    """Start the shop and stop it at the end. Raises `ConfigurationError`."""
    command = [sys.executable, "-m", "loadtests.scaling.shop", str(state), str(free_port())]
    process = subprocess.Popen(command, env=os.environ | SETTINGS, cwd=ROOT)  # noqa: S603 - ours
    try:
        deadline = time.monotonic() + START_S
        while not (state / "run.json").exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise ConfigurationError("The shop did not start.")
            time.sleep(0.5)
        yield running_shop(state)
    finally:
        process.terminate()
        process.wait()


def _locust(run: Run, folder: Path) -> "subprocess.Popen[bytes]":
    command = [
        *(sys.executable, "-m", "locust", "--headless", "--only-summary", "--host", run.api_url),
        *("-f", "loadtests/locustfile.py,loadtests/shapes/tide.py"),
        *("--csv", str(folder / "load"), "--csv-full-history"),
    ]
    return subprocess.Popen(command, cwd=ROOT)  # noqa: S603 - locust with our own files


def scaling(
    *,
    picture: Annotated[Path | None, typer.Option("--plot", help="Draw it there.")] = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print for the docs.")] = False,
) -> None:
    """Show that the shop scales by itself."""
    seen: list[Sample] = []
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with _shop(folder / "state") as run:
                watch = Watch(run, engine_of(run))
                first = watch.look().parts
                load = _locust(run, folder)
                watch.until(lambda _: load.poll() is not None, EVERY_S, seen)
                deadline = time.monotonic() + GOING_S
                watch.until(
                    lambda last: last.parts == first or time.monotonic() > deadline, EVERY_S, seen
                )
                watch.engine.dispose()
            history = read_load(folder / "load_stats_history.csv")
    except (PearShopError, OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from None
    output([changes(seen, history)], as_markdown=as_markdown)
    if picture:
        plot(seen, history, picture)
    most = [max(each.parts[number] for each in seen) for number in range(len(first))]
    still = [name for name, before, peak in zip(NAMES, first, most, strict=True) if peak <= before]
    left = [
        name for name, before, now in zip(NAMES, first, seen[-1].parts, strict=True) if now > before
    ]
    for what, names in (("did not come", still), ("did not go", left)):
        if names:
            print(f"{', '.join(names)} {what}", file=sys.stderr)
    raise typer.Exit(int(bool(still or left or load.returncode)))


if __name__ == "__main__":
    typer.run(scaling)
