"""The state folder: who uses it, what runs there, and its secrets."""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pearshop.errors import ConfigurationError


@dataclass(frozen=True)
class Run:
    """What `run.json` tells about a shop that is up."""

    api_url: str
    dashboard_url: str
    database_url: str
    redis_url: str
    pids: dict[str, int]
    staff_username: str
    replica_urls: str = ""
    monitor_urls: dict[str, str] = field(default_factory=dict)


class StateFolder:
    """The folder of one shop on this machine. Made when it is missing."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.run_file = self.path / "run.json"
        self.log = self.path / "up.log"
        self._lock_file = self.path / "lock"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"The state folder cannot be made: {error}") from None

    @property
    def runtime(self) -> Path:
        """Where sockets and Ray's session live: short, for the path of a socket is limited."""
        digest = hashlib.sha256(str(self.path).encode()).hexdigest()[:8]
        return Path("/tmp") / f"pearshop-{digest}"  # noqa: S108 - made private below

    def make_runtime(self) -> Path:
        """Make the runtime directory. Raises `ConfigurationError` when it is someone else's."""
        self.runtime.mkdir(mode=0o700, exist_ok=True)
        status = self.runtime.lstat()
        if status.st_uid != os.geteuid() or self.runtime.is_symlink():
            raise ConfigurationError(f"{self.runtime} belongs to another user: remove it.")
        return self.runtime

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder. Raises `ConfigurationError`, naming the process that holds it."""
        with self._lock_file.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigurationError(
                    f"The state folder {self.path} is in use by process {self._written_pid()}: "
                    "stop it with `pearshop down`, or choose another --state-dir."
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def holder(self) -> int | None:
        """Return the process that holds the folder, `None` when nobody does."""
        with self._lock_file.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return self._written_pid()
        return None

    def read_run(self) -> Run | None:
        """Return what runs, or ran until it was killed; `None` after a clean stop."""
        try:
            return Run(**json.loads(self.run_file.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            raise ConfigurationError(f"{self.run_file} is damaged: remove it.") from None

    def write_run(self, run: Run) -> None:
        """Write `run.json`, whole or not at all; it holds passwords, so it is the owner's only."""
        _write_private(self.run_file, json.dumps(asdict(run), indent=2) + "\n")

    def remove_run(self) -> None:
        """Forget what ran."""
        self.run_file.unlink(missing_ok=True)

    def secret(self, name: str, length: int = 32) -> str:
        """Return the secret of this name: made once, kept in a file that only the owner reads."""
        file = self.path / name
        if not file.exists():
            _write_private(file, secrets.token_urlsafe(length))
        return file.read_text().strip()

    def _written_pid(self) -> int:
        # Empty for the moment between taking the lock and writing the number.
        return int(self._lock_file.read_text() or 0)


def _write_private(file: Path, text: str) -> None:
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_text(text)
    temporary.replace(file)
