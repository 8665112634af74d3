"""A real nginx with the configuration in deploy/nginx, but for ports and folders."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pearshop.db.embedded_server import free_port, port_is_free
from tests.waiting import wait_for

SHIPPED = Path(__file__).parents[2] / "deploy" / "nginx"
BROTLI = Path("/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so")
INSTALL = "apt-get install nginx-light libnginx-mod-http-brotli-filter"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


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
        turn(self.folder / name, {old: new})

    def _workers(self) -> set[str]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return set(children.read_text().split())


def turn(file: Path, changes: dict[str, str]) -> None:
    """Replace what is there; what is not is a mistake of the test's."""
    text = file.read_text()
    for old, new in changes.items():
        assert old in text, f"{file.name} has no {old!r}"
        text = text.replace(old, new)
    file.write_text(text)


@contextmanager
def running(
    folder: Path, upstream: str, changes: dict[str, dict[str, str]] | None = None
) -> Iterator[Nginx]:
    """Run one before `upstream` (host:port); `changes`: by file, what to put in place of what.

    Skips the test where there is no nginx.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip(f"nginx is not installed: {INSTALL}")
    shutil.copytree(SHIPPED, folder)
    port, tls_port = free_port(), free_port()
    user = "user root;" if os.getuid() == 0 else ""
    own = "\n".join(f"    {each}_temp_path {folder}/{each};" for each in TEMPORARY)
    for name in ("nginx.conf", "shop.conf", "answers.conf", "tls.conf"):
        turn(folder / name, {"/etc/nginx/pearshop": str(folder)})
    turn(
        folder / "nginx.conf",
        {
            "user www-data;": user,
            "/run/nginx.pid": f"{folder}/nginx.pid",
            "/var/log/nginx": str(folder),
            "127.0.0.1:8000": upstream,
            "        listen [::]:80 default_server;\n": "",
            "        listen [::]:80;\n": "",
            "listen 80": f"listen 127.0.0.1:{port}",
            "server_name shop.example;": "server_name 127.0.0.1;",
            "http {": "http {\n" + own,
        },
    )
    turn(
        folder / "http.conf",
        {"/var/log/nginx": str(folder), "/var/cache/nginx/pearshop": f"{folder}/cache"},
    )
    turn(
        folder / "tls.conf",
        {
            "listen [::]:443 ssl http2;\n": "",
            "listen 443": f"listen 127.0.0.1:{tls_port}",
        },
    )
    for name, turned in (changes or {}).items():
        turn(folder / name, turned)
    command = [program, "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(command, stderr=stderr, stdin=subprocess.DEVNULL)
    try:
        wait_for(
            lambda: process.poll() is not None or not port_is_free("127.0.0.1", port), "nginx", 30
        )
        assert process.poll() is None, (folder / "stderr").read_text()
        yield Nginx(folder, port, tls_port, process)
    finally:
        process.terminate()
        process.wait(30)
