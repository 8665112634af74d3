"""Which processes are a shop's own, and their end."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pearshop.launcher.processes import belongs, session_members, stop_leftovers, wait_gone
from tests.waiting import wait_for

RUNTIME = Path("/tmp/pearshop-0badcafe")
PARENT = "import subprocess, sys; subprocess.run(['sleep', '60'])"


@pytest.mark.parametrize(
    "command",
    [
        ["/venv/bin/haproxy", "-db", "-f", f"{RUNTIME}/h/node/haproxy.cfg"],
        ["/ray/raylet", f"--raylet_socket_name={RUNTIME}/ray/session/sockets/raylet"],
        ["/ray/gcs_server", f"--log_dir={RUNTIME}/ray/session/logs"],
        ["python", "-m", "ray.scripts.scripts", "start", "--temp-dir", f"{RUNTIME}/ray"],
        ["python", "/lib/ray/dashboard/dashboard.py", f"--temp-dir={RUNTIME}/ray"],
    ],
)
def test_ray_and_haproxy_of_this_runtime_are_ours(command: list[str]) -> None:
    assert belongs(command, RUNTIME)


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["less", f"{RUNTIME}/ray/session_latest/logs/raylet.out"],
        ["grep", "-r", "haproxy", str(RUNTIME)],
        ["/venv/bin/haproxy", "-f", "/tmp/haproxy-serve/node/haproxy.cfg"],
        ["/venv/bin/haproxy", "-f", f"{RUNTIME}0/h/node/haproxy.cfg"],
        ["python", "-m", "ray.scripts.scripts", "start", "--temp-dir", "/tmp/ray"],
    ],
)
def test_others_are_left_alone(command: list[str]) -> None:
    assert not belongs(command, RUNTIME)


@contextmanager
def session(*arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a process with a child, in a session of its own."""
    command = [sys.executable, "-c", PARENT, *arguments]
    with subprocess.Popen(command, start_new_session=True) as process:
        wait_gone(lambda: [0] if len(session_members([process.pid])) < 2 else [], 5.0)
        yield process
        process.kill()


def test_a_leftover_goes_with_its_whole_session(tmp_path: Path) -> None:
    with session("ray.scripts.scripts", f"{tmp_path}/ray") as ours, session() as another:
        members = {process.pid for process in session_members([ours.pid])}
        assert {each.pid for each in stop_leftovers(tmp_path)} == members
        wait_for(lambda: session_members([ours.pid]) == [], "its end")
        assert len(session_members([another.pid])) == 2
        assert stop_leftovers(tmp_path) == []
        for process in session_members([another.pid]):
            process.kill()
