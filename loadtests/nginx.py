"""A real nginx with the configuration in deploy/nginx, but for ports and folders."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pearshop.db.embedded_server import free_port, port_is_free
from pearshop.errors import ConfigurationError

SHIPPED = Path(__file__).parents[1] / "deploy" / "nginx"
INSTALL = "apt-get install nginx-light libnginx-mod-http-brotli-filter"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
PATIENCE_S = 30
Changes = Mapping[str, str]
NO_LIMITS: Mapping[str, Changes] = {
    "http.conf": {
        "# 192.0.2.7 0;  # CHANGE: whom limits do not hold, a load test for one": "127.0.0.0/8 0;"
    }
}
"""What to change where a load comes from this machine."""


def program() -> str:
    """Return where nginx is. Raises `ConfigurationError` when it is nowhere."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        raise ConfigurationError(f"nginx is not installed: {INSTALL}")
    return found


def turn(file: Path, changes: Changes) -> None:
    """Replace what is there. Raises `ValueError` for what is not."""
    text = file.read_text()
    for old, new in changes.items():
        if old not in text:
            raise ValueError(f"{file.name} has no {old!r}")
        text = text.replace(old, new)
    file.write_text(text)


def set_up(folder: Path, upstream: str, changes: Mapping[str, Changes]) -> tuple[int, int]:
    """Make a configuration before `upstream` (host:port); return its ports, HTTP's and HTTPS's.

    `changes` has by file what to put in place of what.
    """
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
    for name, turned in changes.items():
        turn(folder / name, turned)
    return port, tls_port


@contextmanager
def started(folder: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Run nginx with what `set_up` made. Raises `ConfigurationError` when it does not start."""
    command = [program(), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(  # noqa: S603 - no shell
            command, stderr=stderr, stdin=subprocess.DEVNULL
        )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while process.poll() is None and port_is_free("127.0.0.1", port):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        if process.poll() is not None or port_is_free("127.0.0.1", port):
            raise ConfigurationError(f"nginx did not start: {(folder / 'stderr').read_text()}")
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@contextmanager
def running(folder: Path, upstream: str, changes: Mapping[str, Changes]) -> Iterator[str]:
    """Run one before `upstream`; give its address. Raises `ConfigurationError`."""
    port, _ = set_up(folder, upstream, changes)
    with started(folder, port):
        yield f"http://127.0.0.1:{port}"
