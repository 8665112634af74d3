"""The shop that is loaded: one that runs already, or one started for it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine

from pearshop.db.embedded_server import free_port
from pearshop.db.engine import make_engine
from pearshop.errors import ConfigurationError
from pearshop.launcher.state import Run, StateFolder
from pearshop.settings import Settings


def running_shop(state: Path) -> Run:
    """Return what runs in a state folder. Raises `ConfigurationError` when nothing does."""
    run = StateFolder(state).read_run() if state.is_dir() else None
    if run is None:
        raise ConfigurationError(f"No shop runs in {state}: start it with `pearshop up`.")
    return run


def command(
    arguments: Sequence[str], state: Path, variables: Mapping[str, str] | None = None
) -> str:
    """Run `pearshop` for a state folder, without rate limits; return what it said, and show it.

    Raises `CalledProcessError` when it fails.
    """
    done = subprocess.run(  # noqa: S603 - our own program, no shell
        [sys.executable, "-m", "pearshop.cli", *arguments, f"--state-dir={state}"],
        env={**os.environ, "PEARSHOP_RATE_LIMITS": "off", **(variables or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout, end="", file=sys.stderr)
    done.check_returncode()
    return done.stdout


@contextmanager
def own_shop(state: Path, variables: Mapping[str, str]) -> Iterator[Run]:
    """Start an empty shop without rate limits and with these variables, and stop it at the end."""
    command(["up", "--detach", "--no-demo", f"--port={free_port()}"], state, variables)
    try:
        yield running_shop(state)
    finally:
        command(["down"], state)


def engine_of(run: Run) -> Engine:
    """Return an engine of one connection to the shop's database."""
    return make_engine(Settings(database_url=run.database_url), pool_size=1)
