"""What `pearshop up` says, to whoever still reads it."""

import subprocess
import sys
from pathlib import Path

TALK = """
import sys
from pearshop.launcher.progress import Progress
progress = Progress()
progress.say("first")
sys.stdin.read()
for _ in range(3):
    progress.say("x" * 100_000)
with progress.step("stopping"):
    open(sys.argv[1], "w").close()
"""


def test_a_reader_who_has_gone_is_no_reason_to_end(tmp_path: Path) -> None:
    stopped = tmp_path / "stopped"
    with subprocess.Popen(
        [sys.executable, "-c", TALK, str(stopped)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as talking:
        assert talking.stdout is not None
        assert talking.stdin is not None
        assert talking.stdout.readline() == b"first\n"
        talking.stdout.close()
        talking.stdin.close()
        assert talking.wait(60) == 0
    assert stopped.exists()
