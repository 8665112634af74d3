"""The service worker: what is installed works alone, and a new version takes over when asked."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Error, Page, expect
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from pearshop.web.app import bundle
from pearshop.web.app.site import Site
from tests.e2e.conftest import CHROMIUM, NO_CHROMIUM, chromium, free_port
from tests.waiting import wait_for

CONTROLLED = "navigator.serviceWorker.controller !== null"
AWAY = JSONResponse({"detail": "The shop is away.", "code": "unavailable"}, 503)


class Changing:
    """A site whose files can be changed while it is served."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.read()

    def read(self) -> None:
        self._site = Site(bundle.read(self.folder), AWAY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._site(scope, receive, send)


@pytest.fixture
def site(tmp_path: Path) -> Changing:
    return Changing(Path(shutil.copytree(bundle.FOLDER, tmp_path / "static")))


@pytest.fixture
def page(site: Changing) -> Iterator[Page]:
    """A page of a browser that has the app installed, from a server of its own."""
    if CHROMIUM is None:
        pytest.skip(NO_CHROMIUM)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(site, port=port, log_level="error", lifespan="off"))
    serving = threading.Thread(target=server.run)
    serving.start()
    with chromium() as browser:
        page = browser.new_page()
        try:
            wait_for(lambda: server.started, "the server")
            page.goto(f"http://127.0.0.1:{port}/account")
            wait_for(lambda: page.evaluate(CONTROLLED), "the service worker")
            yield page
        finally:
            server.should_exit = True
            serving.join()


def test_it_can_be_installed(page: Page) -> None:
    session = page.context.new_cdp_session(page)
    found = session.send("Page.getAppManifest")
    assert found["errors"] == []
    assert found["url"].endswith(".webmanifest")
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [each["errorId"] for each in errors] == ["in-incognito"]  # as all pages of tests are


def test_every_screen_opens_without_a_network(page: Page) -> None:
    origin = page.evaluate("location.origin")
    page.context.set_offline(True)
    for path in ("/", "/cart", "/orders", "/orders/7", "/product/7", "/checkout", "/account"):
        page.goto(f"{origin}{path}")
        page.locator("main h1").first.wait_for(state="attached")


def _value(page: Page, expression: str) -> object:
    """Return what an expression is; nothing while the page is being loaded."""
    try:
        return page.evaluate(expression)
    except Error:
        return None


def test_a_new_version_waits_until_it_is_wanted(page: Page, site: Changing) -> None:
    style = site.folder / "app.css"
    style.write_text(style.read_text() + "\n:root { --mark: new; }\n")
    site.read()
    page.get_by_label("Username").fill("half a name")
    page.evaluate("navigator.serviceWorker.ready.then(found => found.update())")
    expect(page.get_by_text("There is a new version")).to_be_visible()
    mark = "getComputedStyle(document.documentElement).getPropertyValue('--mark').trim()"
    assert page.evaluate(mark) == ""
    assert page.get_by_label("Username").input_value() == "half a name"
    page.get_by_role("button", name="Update").click()
    wait_for(lambda: _value(page, mark) == "new", "the new version")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert len(page.evaluate("caches.keys()")) == 1
