"""One stretch of load by wrk."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from loadtests import wrk
from loadtests.bench.routes import Request

PATIENCE_S = 20
"""wrk counts what takes longer as an error; slow is not wrong."""


@dataclass(frozen=True, slots=True)
class Timing:
    """What wrk saw: answers, their latencies in ms and bytes, and its own processor time in s.

    `refused` counts error statuses among the answers, `broken` what got no whole answer.
    """

    answers: int
    seconds: float
    refused: int
    broken: int
    p50: float
    p99: float
    received: int
    cpu: float = 0.0

    @property
    def good(self) -> int:
        """Answers with a status that says it was done."""
        return self.answers - self.refused

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.good / self.seconds


def run(
    url: str,
    requests: Sequence[Request],
    connections: int,
    seconds: int,
    *,
    seed: int = 1,
    once: bool = False,
) -> Timing:
    """Send as fast as answers come; with `once` each request once, at most.

    Raises `ConfigurationError` when wrk fails.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".requests") as file:
        file.writelines(each.line() for each in requests)
        file.flush()
        variables = {
            "PEARSHOP_REQUESTS": file.name,
            "PEARSHOP_SEED": str(seed),
            "PEARSHOP_ONCE": "1" if once else "0",
        }
        options = ["-t1", f"-c{connections}", f"--timeout={PATIENCE_S}s"]
        before = wrk.cpu_seconds()
        printed = wrk.run("bench.lua", url, variables, options, seconds)
        return parse(printed, wrk.cpu_seconds() - before)


def parse(printed: str, cpu: float = 0.0) -> Timing:
    """Return what `bench.lua` printed. Pure."""
    line = next(line for line in printed.splitlines() if line.startswith("RESULT"))
    answers, microseconds, refused, broken, p50, p99, received = map(float, line.split()[1:])
    return Timing(
        int(answers), microseconds / 1e6, int(refused), int(broken), p50, p99, int(received), cpu
    )
