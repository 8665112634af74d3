"""The counts that cart hosts keep: activations, passivations, hot carts.

`python -m loadtests.hosts ADDRESS` joins the Ray cluster at an address and prints the counts of
all its hosts together, a line of JSON for each line that it reads. `Hosts` runs it in a process of
its own, for Ray starts threads wherever it is used.
"""

import json
import logging
import os
import subprocess
import sys
from collections import Counter
from types import TracebackType
from typing import Self

from pearshop.launcher.state import StateFolder

NAMESPACE = "pearshop"
HOST_PREFIX = "cart-host-"
TIMEOUT_S = 10.0


class Hosts:
    """Asks the cart hosts of the shop in a state folder. Use it in a `with`."""

    def __init__(self, folder: StateFolder) -> None:
        address = (folder.runtime / "ray" / "ray_current_cluster").read_text().strip()
        self._child = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", "loadtests.hosts", address],
            # Or else Ray sends this folder to the cluster because `uv run` is above us.
            env=os.environ | {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._child.communicate()

    def counts(self) -> Counter[str]:
        """Return the counts of `HostStats`; none while a host does not answer."""
        assert self._child.stdin
        assert self._child.stdout
        try:
            self._child.stdin.write("\n")
            self._child.stdin.flush()
        except BrokenPipeError:
            return Counter()
        return Counter(json.loads(self._child.stdout.readline() or "{}"))


def main() -> None:
    """Answer until the input ends."""
    import ray

    address = sys.argv[1]
    ray.init(address, namespace=NAMESPACE, log_to_driver=False, logging_level=logging.ERROR)
    for _ in sys.stdin:
        try:
            counts = _ask()
        except (ray.exceptions.RayError, ValueError):
            counts = Counter()
        print(json.dumps(counts), flush=True)


def _ask() -> Counter[str]:
    """Return the counts. Raises `ValueError` when a host is gone, `RayError` when one is silent."""
    import ray

    names = [name for name in ray.util.list_named_actors() if name.startswith(HOST_PREFIX)]
    stats = [ray.get_actor(name).stats.remote() for name in names]
    answers: list[dict[str, int]] = ray.get(stats, timeout=TIMEOUT_S)
    return sum(map(Counter, answers), Counter())


if __name__ == "__main__":
    main()
