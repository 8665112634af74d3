"""A real streaming replica, and the database as the shop's `Database` deployment serves it."""

import os
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace

import psutil
import psycopg2
import pytest
from sqlalchemy import event, make_url

from pearshop.actors.ray_database import RayDatabase
from pearshop.db.embedded import EmbeddedPostgres
from pearshop.deployments.database import Database
from pearshop.settings import Settings


class Standby(EmbeddedPostgres):
    """A standby of a running embedded server, made by PostgreSQL's own `pg_basebackup`."""

    def __init__(self, directory: Path, primary: str) -> None:
        super().__init__(directory)
        self.primary_url = primary

    def of(self, database_url: str) -> str:
        """Return the URL of a database of the primary, here."""
        name = make_url(database_url).database
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def do(self, statement: str) -> None:
        """Run a statement of an administrator."""
        connection = psycopg2.connect(self.url)
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()

    def pause(self) -> None:
        """Replay nothing that arrives from now on."""
        self.do("SELECT pg_wal_replay_pause()")

    def resume(self) -> None:
        """Replay on."""
        self.do("SELECT pg_wal_replay_resume()")

    def kill(self) -> None:
        """End it as a crash does."""
        self.signal(signal.SIGKILL)
        self.stop()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server and all its processes."""
        server = psutil.Process(self.pid)
        for process in (server, *server.children(recursive=True)):
            process.send_signal(number)

    def _initialize(self) -> None:
        unfinished = self.directory / "data.unfinished"
        unfinished.mkdir(mode=0o700)
        self._password_file.write_text(str(make_url(self.primary_url).password))
        if self._account:
            os.chown(unfinished, self._account["user"], self._account["group"])
        subprocess.run(
            [
                str(self._programs / "pg_basebackup"),
                f"--dbname={self.primary_url}",
                f"--pgdata={unfinished}",
                "--write-recovery-conf",
                "--checkpoint=fast",
            ],
            cwd="/",
            check=True,
            capture_output=True,
            **self._account,
        )
        unfinished.rename(self.data)


class LocalDatabase(RayDatabase):
    """The `Database` deployment in this process: its own code, without Ray's hop."""

    def __init__(self, configured: Settings) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("pearshop.deployments.database.settings", lambda: configured)
            deployment = Database.func_or_class()  # type: ignore[attr-defined]
        self.replicas = deployment._replicas
        self._engine = deployment._engine
        self.read_there = 0
        """Statements that replicas have answered."""
        for replica in self.replicas._replicas:
            event.listen(replica._engine, "after_cursor_execute", self._count)
        handle = SimpleNamespace(run=SimpleNamespace(remote=deployment.run))
        self.deployment = deployment
        super().__init__(handle, configured.request_timeout)  # type: ignore[arg-type]

    def used(self) -> list[bool]:
        """Return of each replica whether it is used."""
        return [state.used for state in self.replicas.report()]

    def _count(self, *_: object) -> None:
        self.read_there += 1

    def close(self) -> None:
        """End its threads and connections."""
        self.replicas.close()
        self._engine.dispose()
