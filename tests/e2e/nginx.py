"""A real nginx with the configuration in deploy/nginx, but for ports and folders."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from loadtests import nginx
from pearshop.db.embedded_server import free_port
from pearshop.errors import ConfigurationError
from tests.waiting import wait_for

BROTLI = Path("/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so")
INSTALL = nginx.INSTALL


@dataclass
class Nginx:
    """One that runs; `port` speaks HTTP, `tls_port` HTTPS where the test asked for it."""

    folder: Path
    port: int
    tls_port: int
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        """What it has logged of requests."""
        return (self.folder / "pearshop.log").read_text()

    def cached(self) -> bytes:
        """All that its cache holds."""
        return b"".join(f.read_bytes() for f in (self.folder / "cache").rglob("*") if f.is_file())

    def lead_nowhere(self, upstream: str) -> None:
        """Take its shop away, and keep its cache."""
        before = self._workers()
        self._turn("nginx.conf", f"server {upstream};", f"server 127.0.0.1:{free_port()};")
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: not before & self._workers(), "workers that know of it")

    def _turn(self, name: str, old: str, new: str) -> None:
        nginx.turn(self.folder / name, {old: new})

    def _workers(self) -> set[str]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return set(children.read_text().split())


@contextmanager
def with_tls(folder: Path, upstream: str) -> Iterator[tuple[Nginx, Path]]:
    """Run one that speaks HTTPS, too; with it comes the certificate that it goes by."""
    folder.mkdir()
    key, certificate = folder / "privkey.pem", folder / "fullchain.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    inside = folder / "nginx"
    changes = {
        "nginx.conf": {f"# include {inside}/tls": f"include {inside}/tls"},
        "tls.conf": {str(inside): str(folder)},
    }
    with running(inside, upstream, changes) as edge:
        yield edge, certificate


@contextmanager
def running(
    folder: Path, upstream: str, changes: dict[str, dict[str, str]] | None = None
) -> Iterator[Nginx]:
    """Run one before `upstream` (host:port); `changes`: by file, what to put in place of what.

    Skips the test where there is no nginx.
    """
    try:
        nginx.program()
    except ConfigurationError as error:
        pytest.skip(str(error))
    port, tls_port = nginx.set_up(folder, upstream, changes or {})
    with nginx.started(folder, port) as process:
        yield Nginx(folder, port, tls_port, process)
