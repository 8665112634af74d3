"""The server processes of the peers."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from loadtests.peers.sizes import UVICORN_WORKERS
from pearshop.db.embedded_server import EmbeddedServer
from pearshop.errors import ConfigurationError
from pearshop.launcher.processes import kill, session_members

ROOT = Path(__file__).parents[2]
SETTINGS = "loadtests.peers.django_shop.settings"
RAISED = re.compile(r"^[\w.]+(Error|Exception)\b.*", re.MULTILINE)
"""The last line of a traceback."""


class PeerServer(EmbeddedServer):
    """A peer's web server with its workers: one session, whose leader `pid` is.

    It sees none of our environment, only its database and the key that signs tokens.
    """

    def __init__(self, directory: Path, database_url: str, signing_key: str) -> None:
        super().__init__(directory)
        self._environment = {
            "PATH": os.defpath,
            "LC_ALL": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "PEER_DATABASE_URL": database_url,
            "PEER_SIGNING_KEY": signing_key,
        }

    def _prepare(self) -> None:
        """Nothing: the database is made by the caller."""

    def _python(self, *arguments: str) -> list[str]:
        return [sys.executable, "-X", self._marker(), "-m", *arguments]

    def _url(self, port: int) -> str:
        return f"http://127.0.0.1:{port}"

    def _probe(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/api/product/?limit=1", timeout=5, trust_env=False)
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    def _marker(self) -> str:
        # Python lets options of `-X` through that it does not know.
        return f"peer={self.directory}"

    def _process_arguments(self) -> dict[str, Any]:
        return {"env": self._environment}


class DjangoServer(PeerServer):
    """`django_shop` on gunicorn."""

    name = "The Django peer"

    def migrate(self) -> None:
        """Make the tables. Raises `ConfigurationError`."""
        done = subprocess.run(  # noqa: S603 - no shell
            self._python("django", "migrate", "--run-syncdb", "--verbosity=0"),
            env=self._django(),
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            said = " / ".join(done.stderr.strip().splitlines()[-3:])
            raise ConfigurationError(f"{self.name} cannot make its tables: {said}")

    def _command(self, port: int) -> list[str]:
        configuration = "python:loadtests.peers.django_shop.gunicorn_conf"
        application = "loadtests.peers.django_shop.wsgi"
        bind = f"--bind=127.0.0.1:{port}"
        return self._python("gunicorn", f"--config={configuration}", bind, application)

    def _process_arguments(self) -> dict[str, Any]:
        return {"env": self._django()}

    def _django(self) -> dict[str, str]:
        return self._environment | {"DJANGO_SETTINGS_MODULE": SETTINGS}


class FastApiServer(PeerServer):
    """`fastapi_shop` on uvicorn."""

    name = "The FastAPI peer"

    def _command(self, port: int) -> list[str]:
        return self._python(
            "uvicorn",
            "loadtests.peers.fastapi_shop.app:app",
            "--host=127.0.0.1",
            f"--port={port}",
            f"--workers={UVICORN_WORKERS}",
            "--no-access-log",
        )

    def _probe(self) -> bool:
        words = self._words()
        if error := RAISED.search(words):
            # uvicorn would start the worker again and again, and be slow to stop meanwhile.
            kill(session_members([self.pid] if self.pid else []))
            self.stop()
            raise ConfigurationError(
                f"{self.name} did not start: {error[0]} (all of it: {self.log})"
            )
        return words.count("startup complete") == UVICORN_WORKERS and super()._probe()
