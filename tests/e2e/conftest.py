"""A real shop, started as its user starts it, shared by the end-to-end tests."""

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import Engine

from pearshop.db.engine import make_engine
from pearshop.settings import Settings

START_S = 180
STAFF_PASSWORD = "a staff password for tests"
TOKEN_AGE_S = 300
"""An access token lives for three times as long; all tests that share a shop may take longer."""
PASSWORD = "correct horse battery"
CHROMIUM = shutil.which("chromium")
NO_CHROMIUM = "Chromium is not installed: apt-get install chromium"
ADMIN_ORIGIN = "http://admin.example"
"""Where a client of the shop's own stands whose pages may call the shop."""
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pearshop(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "pearshop.cli", *arguments],
        env=os.environ
        | {"PEARSHOP_STAFF_PASSWORD": STAFF_PASSWORD, "PEARSHOP_RATE_LIMITS": "off"}
        | environment,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )


@dataclass
class Caller:
    """Somebody who is signed in (or not) and speaks HTTP to the shop."""

    http: httpx.Client
    username: str = ""
    tokens: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Send one request with the caller's access token."""
        headers = dict(arguments.pop("headers", {}))
        if self.tokens:
            headers.setdefault("Authorization", f"Bearer {self.tokens['access']}")
        return self.http.request(method, path, headers=headers, **arguments)

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        """GET."""
        return self.call("GET", path, **arguments)

    def post(self, path: str, body: Any = None, **arguments: Any) -> httpx.Response:
        """POST, a JSON body."""
        return self.call("POST", path, json=body, **arguments)

    def put(self, path: str, body: Any) -> httpx.Response:
        """PUT, a JSON body."""
        return self.call("PUT", path, json=body)

    def patch(self, path: str, body: Any) -> httpx.Response:
        """PATCH, a JSON body."""
        return self.call("PATCH", path, json=body)

    def delete(self, path: str, **arguments: Any) -> httpx.Response:
        """DELETE."""
        return self.call("DELETE", path, **arguments)


@dataclass
class Shop:
    """A running shop."""

    state: Path
    run: dict[str, Any]
    http: httpx.Client
    engine: Engine
    _names: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _staff: tuple[float, Caller | None] = (0.0, None)

    @property
    def visitor(self) -> Caller:
        """Somebody who is not signed in."""
        return Caller(self.http)

    @property
    def staff(self) -> Caller:
        """The staff account that `up` made, signed in anew before its token gets old."""
        signed_in_at, caller = self._staff
        if caller is None or time.monotonic() - signed_in_at > TOKEN_AGE_S:
            caller = self.sign_in(self.run["staff_username"], STAFF_PASSWORD)
            self._staff = time.monotonic(), caller
        return caller

    def shopper(self) -> Caller:
        """A new account, signed in."""
        username = f"shopper-{next(self._names)}-{os.urandom(3).hex()}"
        made = self.http.post("/api/register/", json={"username": username, "password": PASSWORD})
        assert made.status_code == 201, made.text
        return self.sign_in(username, PASSWORD)

    def sign_in(self, username: str, password: str) -> Caller:
        """Sign in with a name and a password."""
        answer = self.http.post("/api/login/", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        return Caller(self.http, username, answer.json())

    def product(self, **members: Any) -> dict[str, Any]:
        """Put a product on sale."""
        body = {"name": "Pear", "price": 250, "image": "", "description": ""} | members
        answer = self.staff.post("/api/product/", body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made


@contextmanager
def running_shop(state: Path, goods: str = "--no-demo", **environment: str) -> Iterator[Shop]:
    """Run a shop on free ports, in a state folder of its own; `goods="--demo"` for some goods."""
    folder = ("--state-dir", str(state))
    up = pearshop("up", "--detach", goods, "--port", str(free_port()), *folder, **environment)
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        run = json.loads((state / "run.json").read_text())
        engine = make_engine(Settings(database_url=run["database_url"]))
        with httpx.Client(base_url=run["api_url"], timeout=30) as http:
            yield Shop(state, run, http, engine)
        engine.dispose()
    finally:
        down = pearshop("down", *folder)
        assert down.returncode == 0, down.stdout + down.stderr


@pytest.fixture(scope="session")
def shop(own_folder: Path) -> Iterator[Shop]:
    """A shop that all tests share."""
    settings = {
        "PEARSHOP_CORS_ORIGINS": ADMIN_ORIGIN,
        "PEARSHOP_WEBHOOK_PRIVATE_ADDRESSES": "on",
    }
    with running_shop(own_folder / "shop", **settings) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's Chromium; it ends with each module, for its event loop keeps others away."""
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    # Pages of other sites are made up by the tests, and lead to this machine: that is no attack.
    with chromium("--disable-features=LocalNetworkAccessChecks") as browser:
        yield browser


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """Run the machine's Chromium."""
    as_root = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        options = [*arguments, *as_root]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def shown_shop(*arguments: str, **environment: str) -> Iterator[tuple[Shop, Browser]]:
    """Run a shop that has some goods, and a browser, for commands that look at it."""
    if CHROMIUM is None:
        raise SystemExit(NO_CHROMIUM)
    with (
        tempfile.TemporaryDirectory(prefix="pearshop-shown-") as folder,
        running_shop(Path(folder) / "shop", goods="--demo", **environment) as shop,
        chromium(*arguments) as browser,
    ):
        yield shop, browser


def axe(page: Page) -> list[str]:
    """Return what axe finds on a page against WCAG 2.2 AA."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
        for each in found
        for node in each["nodes"]
    ]
