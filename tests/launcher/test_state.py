"""The state folder."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pearshop.errors import ConfigurationError
from pearshop.launcher.state import Run, StateFolder

RUN = Run("http://a", "http://d", "postgresql://x", "redis://x", {"up": 1}, "staff")
HOLD = """
import sys, pathlib
from pearshop.launcher.state import StateFolder
with StateFolder(pathlib.Path(sys.argv[1])).lock():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_process_at_a_time_and_the_refusal_names_it(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert folder.holder() == other.pid
        with pytest.raises(ConfigurationError, match=f"process {other.pid}"), folder.lock():
            pass
        other.kill()
    assert folder.holder() is None
    with folder.lock():
        assert folder.holder() == os.getpid()


def test_run_is_written_for_the_owner_only_and_read_back(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    assert folder.read_run() is None
    folder.write_run(RUN)
    assert folder.read_run() == RUN
    assert stat.S_IMODE(folder.run_file.stat().st_mode) == 0o600
    folder.remove_run()
    folder.remove_run()
    assert folder.read_run() is None


def test_a_damaged_run_file_is_named(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    folder.run_file.write_text("{")
    with pytest.raises(ConfigurationError, match=r"run\.json"):
        folder.read_run()


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    made = StateFolder(tmp_path).secret("signing-key")
    assert len(made.encode()) >= 32
    assert StateFolder(tmp_path).secret("signing-key") == made
    assert StateFolder(tmp_path).secret("staff-password") != made
    assert stat.S_IMODE((tmp_path / "signing-key").stat().st_mode) == 0o600


def test_the_runtime_directory_is_short_and_the_folders_own(tmp_path: Path) -> None:
    one, other = StateFolder(tmp_path / ("long" * 20)), StateFolder(tmp_path / "other")
    assert len(str(one.runtime)) <= 26
    assert one.runtime != other.runtime
    assert one.runtime == StateFolder(tmp_path / ("long" * 20)).runtime
