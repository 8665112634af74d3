"""`wrk` with the Lua scripts of this folder.

Each thread reads a file `in-N` and writes `out-N`; so what was asked and what was answered, and
when, is known of every single request.
"""

import os
import re
import resource
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pearshop.errors import ConfigurationError

HERE = Path(__file__).parent
PATIENCE_S = 30
"""Longer than the shop lets anybody wait."""
POLL_S = 0.2
END = b"END\n"


@dataclass(frozen=True, slots=True)
class Wish:
    """A request. `token` and `key` are without blanks; no key: the shop makes one."""

    method: str
    path: str
    token: str
    key: str = "-"
    body: str = ""

    def line(self) -> str:
        """Return it as `once.lua` reads it."""
        return f"{self.method} {self.path} {self.token} {self.key} {self.body}"


@dataclass(frozen=True, slots=True)
class Got:
    """An answer to wish number `number`. Times in ms of the monotonic clock.

    `first_id` is that of the body, or of its first element; `quantities` how many lines it has.
    """

    number: int
    sent: float
    answered: float
    status: int
    first_id: int | None
    quantities: int
    code: str

    @property
    def ms(self) -> float:
        """How long it took."""
        return self.answered - self.sent


def once(url: str, wishes: Sequence[Wish], connections: int, most_s: int = 600) -> list[Got]:
    """Send each wish once, so many at a time, and return the answers in the order they came.

    Those that had none in time are missing. Raises `ConfigurationError` when wrk fails.
    """
    threads = max(1, min(connections, len(wishes)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for thread in range(threads):
            lines = (wish.line() for wish in wishes[thread::threads])
            (folder / f"in-{thread + 1}").write_text("\n".join(lines) + "\n")

        run(
            "once.lua",
            url,
            folder,
            threads=threads,
            seconds=most_s,
            is_over=lambda: all_ended(folder, threads),
        )
        found = [
            got
            for thread in range(threads)
            for got in parse_got((folder / f"out-{thread + 1}").read_text(), thread, threads)
        ]
    return sorted(found, key=lambda got: got.answered)


def all_ended(folder: Path, threads: int) -> bool:
    """Return whether every thread has written its last line."""
    outputs = [folder / f"out-{thread + 1}" for thread in range(threads)]
    return all(each.exists() and _ends(each) for each in outputs)


def _ends(file: Path) -> bool:
    with file.open("rb") as content:
        content.seek(max(0, file.stat().st_size - len(END)))
        return content.read() == END


def parse_got(printed: str, thread: int, threads: int) -> list[Got]:
    """Return what a thread of `once.lua` wrote, of `threads` that took turns. Pure."""
    found = []
    for line in printed.splitlines():
        if line == END.decode().strip():
            break
        at, sent, answered, status, first, quantities, code = line.split()
        number = thread + (int(at) - 1) * threads
        first_id = None if first == "-" else int(first)
        found.append(
            Got(
                number,
                float(sent),
                float(answered),
                int(status),
                first_id,
                int(quantities),
                "" if code == "-" else code,
            )
        )
    return found


def run(
    script: str,
    url: str,
    folder: Path,
    *,
    threads: int,
    seconds: int,
    is_over: Callable[[], bool],
    connections: int = 0,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Run wrk until it is over, so many seconds at most; return how many connections failed.

    Without a number of connections each thread has one. Raises `ConfigurationError` when wrk is
    missing or fails.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # wrk inherits it
    own = {"PEARSHOP_LUA": str(HERE), "PEARSHOP_FOLDER": str(folder)}
    size = (f"-t{threads}", f"-c{connections or threads}")
    command = ["wrk", *size, f"-d{seconds}s", f"--timeout={PATIENCE_S}s"]
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell
            [*command, "-s", str(HERE / script), url],
            env={**os.environ, **own, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    except FileNotFoundError:
        raise ConfigurationError("wrk is missing: apt-get install wrk") from None
    with process:
        try:
            while process.poll() is None and not is_over():
                time.sleep(POLL_S)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)  # or else it sleeps until its time is up
        printed = process.stdout.read() if process.stdout else ""
    found = re.search(r"^ERRORS (\d+)$", printed, re.MULTILINE)
    if process.returncode or found is None:
        raise ConfigurationError(f"wrk failed: {printed.strip()[-500:]}")
    return int(found[1])
