"""The sync queue, by itself: JavaScript that needs no browser."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pearshop.web.app.bundle import FOLDER

NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="Node is not installed: apt-get install nodejs")
def test_the_sync_queue(tmp_path: Path) -> None:
    assert NODE is not None
    module = tmp_path / "queue.mjs"  # Node takes a .js of no package for something older
    module.write_bytes((FOLDER / "queue.js").read_bytes())
    done = subprocess.run(
        [NODE, "--test", str(Path(__file__).with_name("queue.test.mjs"))],
        env=os.environ | {"QUEUE": module.as_uri()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 13" in done.stdout
