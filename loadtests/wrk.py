"""Load by `wrk` with the Lua scripts of this folder."""

import os
import resource
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pearshop.errors import ConfigurationError

ADDS = "/api/order-item/"


@dataclass(frozen=True)
class Goods:
    """Who adds what: a file with a token a line, and product ids."""

    tokens: Path
    products: Sequence[int]

    def variables(self) -> dict[str, str]:
        """Return them as the scripts read them."""
        return {
            "PEARSHOP_TOKENS": str(self.tokens),
            "PEARSHOP_PRODUCTS": " ".join(map(str, self.products)),
        }


@dataclass(frozen=True)
class Sample:
    """One run of `adds.lua`. Latencies in ms; `cores` is what wrk itself kept busy."""

    rate: float
    requests: int
    errors: int
    p50: float
    p99: float
    cores: float = 0.0


def require() -> None:
    """Raise `ConfigurationError` when wrk is missing."""
    if shutil.which("wrk") is None:
        raise ConfigurationError("wrk is missing: apt-get install wrk")


def run(
    script: str, url: str, variables: Mapping[str, str], options: Sequence[str], seconds: int
) -> str:
    """Run wrk with a script of this folder; return what it printed.

    Raises `ConfigurationError` when it fails.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # wrk inherits it
    done = subprocess.run(  # noqa: S603
        ["wrk", *options, f"-d{seconds}s", "-s", str(Path(__file__).with_name(script)), url],  # noqa: S607
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ConfigurationError(f"wrk failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def load(url: str, path: str, goods: Goods, connections: int, seconds: int) -> Sample:
    """Add as fast as the answers come: each connection sends when it has its answer."""
    variables = goods.variables() | {"PEARSHOP_PATH": path}
    before = cpu_seconds()
    printed = run("adds.lua", url, variables, ["-t1", f"-c{connections}"], seconds)
    return replace(parse_sample(printed), cores=(cpu_seconds() - before) / seconds)


def parse_sample(printed: str) -> Sample:
    """Return what `adds.lua` printed. Pure."""
    line = next(line for line in printed.splitlines() if line.startswith("RESULT"))
    requests, microseconds, errors, p50, p99 = map(float, line.split()[1:])
    return Sample(requests / microseconds * 1e6, int(requests), int(errors), p50, p99)


def cpu_seconds() -> float:
    """Return the processor time of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
