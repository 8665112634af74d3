"""Where each millisecond goes: `uv run python -m loadtests.flames`.

Starts a shop as `pearshop up` does, loads one route after the other with wrk, and watches the
processes that work with py-spy: a flame graph of each, and a table of what takes how much of a
request. It counts only moments in which a thread holds Python's lock: waiting costs nothing.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from loadtests import wrk
from loadtests.bench import load
from loadtests.bench.processes import API, DATABASES, HOSTS, shop_role
from loadtests.bench.result import SHOP
from loadtests.bench.routes import ADD, FIRST_PAGE, ORDER, Request, Route, requests_of
from loadtests.bench.run import SIZES
from loadtests.bench.subjects import Field, Subject, started
from loadtests.bench.timing import ready_orders
from loadtests.tables import Sheet
from pearshop.errors import ConfigurationError
from pearshop.launcher.processes import session_members

OUT = Path("docs/benchmarks")
CONNECTIONS = 32
RATE_HZ = 400
ORDERS_A_SECOND = 1_500
WATCHED: Mapping[Route, Sequence[str]] = {
    FIRST_PAGE: (API,),
    ADD: (API, HOSTS, DATABASES),
    ORDER: (API, HOSTS, DATABASES),
}
FILES = {API: "api", HOSTS: "cart-host", DATABASES: "database"}
LAYERS = (
    ("uvicorn/", "HTTP server (uvicorn)"),
    ("ray/", "Ray and Ray Serve"),
    ("pearshop/http/routers/", "endpoints"),
    ("pearshop/http/", "layers before the endpoints"),
    ("pearshop/schemas/", "endpoints"),
    ("pearshop/actors/channel.py", "calls between processes"),
    ("pearshop/actors/ray_", "calls between processes"),
    ("pearshop/actors/", "carts"),
    ("pearshop/domain/", "carts"),
    ("pearshop/db/", "database operations"),
    ("sqlalchemy/", "SQLAlchemy and its driver"),
    ("starlette/", "Starlette and FastAPI"),
    ("fastapi/", "Starlette and FastAPI"),
)
"""A moment belongs to the innermost frame that one of these begins."""
REST = "the rest"


@dataclass(frozen=True, slots=True)
class Profile:
    """What one process did while a route was loaded: shares by layer and of a core, 0 to 1."""

    route: str
    role: str
    layers: Mapping[str, float]
    busy: float


def layer_of(stack: Sequence[str]) -> str:
    """Return the layer of a moment, from its frames, outermost first. Pure."""
    for frame in reversed(stack):
        for prefix, layer in LAYERS:
            if prefix in frame:
                return layer
    return REST


def shares(raw: str) -> dict[str, float]:
    """Return the share of each layer in what py-spy recorded, the largest first. Pure."""
    counted: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        counted[layer_of(stack.split(";"))] += int(count)
    return {layer: count / counted.total() for layer, count in counted.most_common()}


def table(profiles: Sequence[Profile]) -> Sheet:
    """Return who spends how much on what. Pure."""
    rows = [
        (each.route, each.role, f"{each.busy:.0%}", layer, f"{share:.0%}")
        for each in profiles
        for layer, share in each.layers.items()
        if share >= 0.01
    ]
    return Sheet(("route", "process", "of a core", "what", "share"), rows)


def main() -> int:
    """Record and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=8, help="of each recording")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    try:
        wrk.require()
        profiles = _record_all(options.seconds, options.out)
    except (ConfigurationError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    sheet = table(profiles)
    (options.out / "profile.md").write_text(sheet.markdown() + "\n")
    print(sheet.markdown())
    return 0


def _record_all(seconds: int, out: Path) -> list[Profile]:
    out.mkdir(parents=True, exist_ok=True)
    profiles = []
    with (
        tempfile.TemporaryDirectory() as folder,
        started(Path(folder), SIZES, with_peers=False) as field,
    ):
        shop = next(each for each in field.subjects if each.name == SHOP)
        for route, roles in WATCHED.items():
            for role in roles:
                print(f"{route.name}: {role}", file=sys.stderr, flush=True)
                file = out / f"flame-{route.name}-{FILES[role]}.svg"
                with _loaded(shop, route, 2 * seconds + 4):
                    layers, busy = _record(_busiest(field, role), seconds, file)
                profiles.append(Profile(route.title, role, layers, busy))
    return profiles


def _record(pid: int, seconds: int, file: Path) -> tuple[dict[str, float], float]:
    """Write a process's flame graph; return its time by layer, and what it used of a core."""
    with tempfile.NamedTemporaryFile(suffix=".raw") as raw:
        used = _cpu_of(pid)
        _py_spy(pid, seconds, "raw", Path(raw.name))
        busy = (_cpu_of(pid) - used) / seconds
        _py_spy(pid, seconds, "flamegraph", file)
        return shares(Path(raw.name).read_text()), busy


@contextlib.contextmanager
def _loaded(shop: Subject, route: Route, seconds: int) -> Iterator[None]:
    requests: Sequence[Request]
    if route is ORDER:
        assert shop.books
        requests = ready_orders(shop, shop.books, ORDERS_A_SECOND * seconds)
    else:
        requests = requests_of(route, shop.wares)
        load.run(shop.url, requests, CONNECTIONS, 3)  # warm-up
    with ThreadPoolExecutor(1) as threads:
        once = route is ORDER
        timing = threads.submit(load.run, shop.url, requests, CONNECTIONS, seconds, once=once)
        yield
        if not timing.result().good:
            raise ConfigurationError(f"{route.title}: no good answer while it was watched.")


def _busiest(field: Field, role: str) -> int:
    """Return that process of a role which has used most processor time so far."""
    found = [
        process
        for process in session_members([field.run.pids["ray"]])
        if (command := process.cmdline()) and shop_role(command) == role
    ]
    return max(found, key=lambda process: process.cpu_times().user).pid


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _py_spy(pid: int, seconds: int, form: str, file: Path) -> None:
    """Raises `CalledProcessError` when the system does not allow to watch the process."""
    command = ["py-spy", "record", "--gil", f"--pid={pid}", f"--duration={seconds}"]
    options = [f"--rate={RATE_HZ}", f"--format={form}", f"--output={file}"]
    subprocess.run(  # noqa: S603 - no shell
        [*command, *options], check=True, stdout=subprocess.DEVNULL
    )


if __name__ == "__main__":
    sys.exit(main())
